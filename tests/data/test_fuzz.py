"""Whatever bytes a file holds, it is imported or refused with a `DataError`, and a refused one writes nothing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.importer import import_prices
from data.prices import read_prices
from tests.helpers.price_files import DIALECTS, PLAIN

WRITTEN = {name: make(PLAIN) for name, (make, _, _) in DIALECTS.items()}
HEADINGS = [
    "Date,Open,High,Low,Close,Volume",
    "Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,B\nDate,,,,,",
    "time,open,high,low,close,volume",
    '"Date","Price","Open","High","Low","Vol."',
    "Date,Open,High,Low,Close,Adj Close,Volume",
    "Date,Open,High,Low,Close,Stock Splits,Name",
]
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["2018-01-02", "1", "1e308", "-0", "nan", '"', "9999-12-31", "1,0", "99999999999999", "01/02/2018"]
    ),
    st.sampled_from(["2018-01-02 10:00:00+99:99", "1.5B", "$1", "Jul 41, 2020", "31.12.2018", "2018.01.02", "0"]),
)
LINES = st.lists(st.lists(CELLS, min_size=5, max_size=7).map(",".join), max_size=8).map("\n".join)
FILES = st.one_of(
    st.binary(max_size=300),
    st.tuples(st.sampled_from(HEADINGS), LINES).map(lambda parts: "\n".join(parts).encode("utf-8", "replace")),
    st.binary(max_size=100).map(lambda tail: b"\xff\xfe" + tail),
    st.binary(max_size=100).map(lambda tail: b"PAR1" + tail),
    st.binary(max_size=100).map(lambda tail: b"\x1f\x8b\x08" + tail),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=FILES)
def test_any_malformed_file_is_a_data_error(content: bytes, tmp_path: Path) -> None:
    source, project = tmp_path / "f", tmp_path / "project"
    source.write_bytes(content)
    with pytest.raises(DataError):
        import_prices(source, "SPY", root=project)
    assert not project.exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_damaged_place_is_a_data_error_or_harmless(data: st.DataObject, tmp_path: Path) -> None:
    written = WRITTEN[data.draw(st.sampled_from(sorted(WRITTEN)))]
    content = bytearray(written.encode() if isinstance(written, str) else written)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    source = tmp_path / "f"
    source.write_bytes(content)
    try:
        prices = read_prices(source).frame
    except DataError:
        return
    assert np.isfinite(prices.drop(columns="Date").to_numpy()).all()
