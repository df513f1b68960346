"""A panel as it is read: each asset's labels and volatility are its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.content import content_sha256
from runtime.errors import UserError
from runtime.judging.baselines import ewma_volatility
from runtime.samples.loading import load_series
from runtime.samples.series import Series
from tests.helpers.panel import Asset, make_panel


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = make_panel([Asset(tuple(range(5 * number, 60)), trains=True) for number in range(3)])
    frame = made.daily.assign(Asset=made.daily["Asset"].astype(str), signal=made.features[:, 0].astype(float))
    frame.to_parquet(tmp_path / "panel.parquet", index=False)
    return tmp_path / "panel.parquet"


def load(file: Path, *assets: str, **options: object) -> Series:
    known = content_sha256(pd.read_parquet(file))
    return load_series(file, content_sha256=known, feature_columns=["signal"], assets=assets, **options)  # type: ignore[arg-type]


def test_assets_come_in_the_order_in_which_they_are_named(file: Path) -> None:
    series = load(file, "A2", "A0", holdout_assets=["A0"])
    assert (series.assets, series.training_assets) == (("A2", "A0"), ("A2",))
    assert [rows.stop - rows.start for rows in series.rows_of_assets] == [50, 60]
    whole = pd.read_parquet(file)
    for name, rows in zip(series.assets, series.rows_of_assets, strict=True):
        mine = whole[whole["Asset"] == name]
        assert series.features[rows, 0].tolist() == mine["signal"].astype(np.float32).tolist()
        assert series.daily["Close"][rows].tolist() == mine["Close"].tolist()
    assert "signal" not in series.daily


@pytest.mark.parametrize("price", ["high", "close"])
def test_labels_and_volatility_are_those_of_each_asset_alone(file: Path, price: str) -> None:
    series = load(file, "A0", "A1", "A2")
    labels = series.labels(threshold=0.01, horizon=3, price=price)
    volatility = ewma_volatility(series)
    for name, rows in zip(series.assets, series.rows_of_assets, strict=True):
        alone = load(file, name)
        assert np.array_equal(labels[rows], alone.labels(threshold=0.01, horizon=3, price=price), equal_nan=True)
        assert np.isnan(labels[rows][-3:]).all()
        assert np.array_equal(volatility[rows], ewma_volatility(alone), equal_nan=True)
        assert np.isnan(volatility[rows][0])


def test_what_a_panel_is_not_is_refused(file: Path) -> None:
    with pytest.raises(UserError, match=r"assets \['AX'\]: it has A0, A1, A2, each once"):
        load(file, "A0", "AX")
    with pytest.raises(UserError, match="it has A0, A1, A2, each once"):
        load(file, "A0", "A0")
    with pytest.raises(UserError, match="timescale 'weekly': a panel of assets has daily bars only"):
        load(file, "A0", timescale="weekly")
    with pytest.raises(UserError, match="is a panel of several assets; name those to read"):
        load(file)
    mixed = pd.read_parquet(file).sample(frac=1, random_state=0)
    mixed.to_parquet(file, index=False)
    with pytest.raises(UserError, match="dates must be unique and increasing"):
        load(file, "A0")
    split = pd.read_parquet(file).sort_values(["Date", "Asset"])  # each asset increases, none is in one piece
    split.to_parquet(file, index=False)
    with pytest.raises(UserError, match="dates must be unique and increasing"):
        load(file, "A0")


def test_the_content_hash_knows_assets_and_their_order() -> None:
    frame = pd.DataFrame({"Asset": ["a", "a", "b"], "Close": [1.0, 2.0, 3.0]})
    others = [
        frame.assign(Asset=["a", "b", "b"]),
        frame.assign(Asset=["a", "a", "c"]),
        frame.assign(Asset=["b", "b", "a"]),
        frame[::-1],
    ]
    assert content_sha256(frame.assign(Asset=frame["Asset"].astype("category"))) == content_sha256(frame)
    assert len({content_sha256(each) for each in [frame, *others]}) == 5
