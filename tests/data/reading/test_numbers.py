"""Numbers as people write them: marks, units, and what could be read in two ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError
from data.options import ImportOptions
from data.prices import read_prices
from data.reading.numbers import decimal_mark, parse_numbers
from tests.helpers.price_files import PLAIN, PRICES, csv


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1,234.5", "point", 1234.5),
        ("1.234,5", "comma", 1234.5),
        ("1 234,5", "comma", 1234.5),
        ("$12.50", "point", 12.5),
        ("1.23M", "point", 1_230_000),
        ("1,23M", "comma", 1_230_000),
        ("71.34M", "point", 71_340_000),
        ("4.5K", "point", 4_500),
        ("2B", "point", 2e9),
        ("1.1T", "point", 1.1e12),
        ("-1e-3", "point", -0.001),
        (".5", "point", 0.5),
        ("5.", "point", 5),
    ],
)
def test_numbers(text: str, mark: str, value: float) -> None:
    assert parse_numbers([text], [2], "f", "Volume", mark).tolist() == [value]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["x", "1,2.3", "1,23", "--1", "$", "1M2", "١", "1e", "0x1", "inf", "M"])
def test_what_is_no_number_is_named(text: str) -> None:
    with pytest.raises(DataError, match="row 2: Open is .*, not a number with a decimal point"):
        parse_numbers([text], [2], "f", "Open")


def test_what_has_no_value_is_nan() -> None:
    cells = ["", "-", ".", "null", "None", "NaN", "n/a", " "]
    assert np.isnan(parse_numbers(cells, list(range(8)), "f", "VIX")).all()


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1,5", "2"], "comma"),
        (["1.5", "2"], "point"),
        (["1.234,50"], "comma"),
        (["1,234.50"], "point"),
        (["1.234.567", "1,5"], "comma"),
        (["1,234"], "point"),
        (["0.123", "0.456"], "point"),
    ],
)
def test_the_numbers_tell_the_decimal_mark(cells: list[str], mark: str) -> None:
    assert decimal_mark({"Open": cells}, "f", None, ImportOptions(), commas_separate=True) == mark


def test_commas_that_may_be_decimal_are_asked_for(tmp_path: Path) -> None:
    rates = PLAIN.assign(**{name: (PLAIN[name] / 1000).map("{:.3f}".format) for name in PRICES})
    content = csv(rates, sep=";").replace(".", ",")
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(DataError, match="may be thousands or a fraction: say --decimal comma or --decimal point"):
        read_prices(tmp_path / "p.csv")
    frame = read_prices(tmp_path / "p.csv", options=ImportOptions(decimal="comma")).frame
    np.testing.assert_array_equal(frame["Close"], rates["Close"].astype(float))


def test_volumes_that_may_be_thousands_are_asked_for(tmp_path: Path) -> None:
    volume = [f"{number % 9 + 1}.234" if number % 3 else "987" for number in range(len(PLAIN))]
    (tmp_path / "p.csv").write_text(csv(PLAIN.assign(Volume=volume)))
    with pytest.raises(DataError, match="Volume '2.234' beside '987' may be thousands or a fraction.*--decimal point"):
        read_prices(tmp_path / "p.csv")
    frame = read_prices(tmp_path / "p.csv", options=ImportOptions(decimal="point")).frame
    assert frame["Volume"].tolist()[:2] == [987, 2.234]


def test_a_mixed_up_cell_is_named_whatever_the_others_are(tmp_path: Path) -> None:
    frame = PLAIN.astype({"Close": object})
    frame.loc[5, "Close"] = "1.234,5"
    frame.loc[7, "Close"] = "x"
    (tmp_path / "p.csv").write_text(csv(frame))
    with pytest.raises(DataError, match=r"row 7: Close is '1.234,5'; row 9: Close is 'x', not a number"):
        read_prices(tmp_path / "p.csv")
