"""The VIX of a file of any vendor, checked to be one, and never from the future."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.options import ImportOptions
from data.prices import Prices, read_prices
from tests.helpers.price_files import PLAIN, WITH_VIX, csv, under

VIX = WITH_VIX[["Date", "VIX"]]
OHLC = VIX.assign(Open=VIX["VIX"], High=VIX["VIX"], Low=VIX["VIX"])[["Date", "Open", "High", "Low", "VIX"]]
WITH_HOLIDAY = pd.concat([VIX.astype(object), pd.DataFrame({"Date": [pd.Timestamp("2018-12-25")], "VIX": ["."]})])
WITH_HOLIDAY = WITH_HOLIDAY.astype({"Date": "datetime64[us]"}).sort_values("Date")
OLD_HEADINGS = "Date,VIX Open,VIX High,VIX Low,VIX Close"


def read(tmp_path: Path, vix: str, prices: str | None = None, **options: object) -> Prices:
    (tmp_path / "v.csv").write_text(vix)
    (tmp_path / "p.csv").write_text(csv(PLAIN) if prices is None else prices)
    return read_prices(tmp_path / "p.csv", tmp_path / "v.csv", ImportOptions(**options))  # type: ignore[arg-type]


FILES = {
    "FRED, VIXCLS as VIX": under(WITH_HOLIDAY, "observation_date,VIXCLS"),
    "FRED, VIXCLS": under(VIX, "DATE,VIXCLS"),
    "Cboe's old file, VIX Close as VIX": f"A volatility index\n{under(OHLC, OLD_HEADINGS, '%m/%d/%Y')}",
    "plain, CLOSE as VIX": under(OHLC, "DATE,OPEN,HIGH,LOW,CLOSE", "%m/%d/%Y"),
    "Investing.com, Price as VIX": under(
        OHLC[["Date", "VIX", "Open", "High", "Low"]], "Date,Price,Open,High,Low", '"%b %d, %Y"'
    ).replace('"""', '"'),
    "Nasdaq.com, Close/Last as VIX": under(OHLC, "Date,Open,High,Low,Close/Last", "%m/%d/%Y"),
}


@pytest.mark.parametrize("said", FILES)
def test_the_table_of_dialects_serves_the_vix(said: str, tmp_path: Path) -> None:
    prices = read(tmp_path, FILES[said])
    assert any(note.startswith(f"v.csv: {said}") for note in prices.notes)
    np.testing.assert_array_equal(prices.frame["VIX"], VIX["VIX"].ffill())


def test_the_prices_themselves_are_no_vix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its VIX equals Close on 520 of 520 days: these are the prices"):
        read(tmp_path, csv(PLAIN))
    with pytest.raises(DataError, match="its VIX equals Close"):
        read_prices(tmp_path / "p.csv", tmp_path / "p.csv")


@pytest.mark.parametrize("factor", [10, 0.1])
def test_another_index_is_no_vix(factor: float, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the median of its VIX is .* lies between 5 and 100: is it another index"):
        read(tmp_path, csv(VIX.assign(VIX=VIX["VIX"] * factor)))


def test_a_lag_takes_the_last_vix_before_the_day(tmp_path: Path) -> None:
    late = read(tmp_path, csv(VIX), vix_lag=1).frame["VIX"]
    np.testing.assert_array_equal(late[1:], VIX["VIX"].ffill()[:-1])
    assert np.isnan(late[0])
    holiday = VIX[VIX.index != 100]  # Chicago rests: the day after it still knows the close before
    lagged = read(tmp_path, csv(holiday), vix_lag=1).frame["VIX"]
    assert lagged[101] == VIX["VIX"][99]
    assert lagged[102] == VIX["VIX"][101]
    rested = read(tmp_path, csv(VIX), csv(PLAIN[PLAIN.index != 200]), vix_lag=1).frame  # Chicago did not rest on it
    assert rested["VIX"][rested["Date"] == PLAIN["Date"][201]].item() == VIX["VIX"][200]


FOREIGN = {
    "times at \\+9 hours": csv(PLAIN, "%Y-%m-%d 00:00:00+09:00"),
    "sessions on Sundays": csv(PLAIN.assign(Date=PLAIN["Date"] - pd.Timedelta(days=1))),
}


@pytest.mark.parametrize("why", FOREIGN)
def test_a_market_elsewhere_is_asked_whether_it_closes_first(why: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"may close before Chicago's \\({why}.*--vix-lag 1 .*or --vix-lag 0"):
        read(tmp_path, csv(VIX), FOREIGN[why])
    for lag in (0, 1):
        assert "VIX" in read(tmp_path, csv(VIX), FOREIGN[why], vix_lag=lag).frame


def test_the_zone_that_the_user_names_tells_too(tmp_path: Path) -> None:
    stamped = csv(PLAIN, "%Y-%m-%d 09:00:00+09:00")
    with pytest.raises(DataError, match="may close before Chicago's \\(Asia/Tokyo\\)"):
        read(tmp_path, csv(VIX), stamped, timezone="Asia/Tokyo")
    american = csv(PLAIN, "%Y-%m-%d 14:30:00+00:00")
    assert "VIX" in read(tmp_path, csv(VIX), american, timezone="America/New_York").frame


def test_a_lag_needs_a_vix(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(csv(PLAIN))
    with pytest.raises(DataError, match="has no VIX column: --vix-lag needs one"):
        read_prices(tmp_path / "p.csv", options=ImportOptions(vix_lag=1))


def test_an_own_column_is_checked_and_lagged_alike(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(csv(WITH_VIX))
    own = read_prices(tmp_path / "p.csv", options=ImportOptions(vix_lag=1)).frame
    np.testing.assert_array_equal(own["VIX"], read(tmp_path, csv(VIX), vix_lag=1).frame["VIX"])
    (tmp_path / "p.csv").write_text(csv(WITH_VIX.assign(VIX=WITH_VIX["VIX"] * 20)))
    with pytest.raises(DataError, match="the median of its VIX"):
        read_prices(tmp_path / "p.csv")
