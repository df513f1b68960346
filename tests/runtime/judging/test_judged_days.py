"""A test split is known by its days and their prices: nothing else about the data makes it new."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runtime.errors import UserError
from runtime.judging.judged_days import by_day, days_in_common, judged_test_days
from runtime.judging.openings import OPENINGS, read_openings
from runtime.judging.sealed_test import open_test, refuse_reopening
from runtime.records.files import append_json_line
from runtime.samples.bars import make_bars
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series
from tests.helpers.market import make_experiment as ask_market
from tests.helpers.market import real_series
from tests.helpers.tiny import make_arguments

DAILY = real_series().daily
SETTING: dict[str, Any] = {"context_length": 20, "chunk_length": 100}


def experiment(daily: pd.DataFrame = DAILY, timescale: str = "daily", **changes: Any) -> Experiment:
    """The question of the real prices, however they are laid out."""
    bars = make_bars(daily, timescale)
    features = ["rsi14", "day_range"]
    series = Series(daily, bars, bars.frame[features].to_numpy(np.float32), tuple(features), "another hash")
    return ask_market(series, timescale=timescale, **(SETTING | changes))


WHOLE = experiment()
DAYS = judged_test_days(WHOLE)


def ask(log: Path, asked: Experiment, weights: str, **more: Any) -> dict[str, Any]:
    return open_test(log, asked, weights=weights, script_sha256=f"script {weights}", **more)


def with_adjusted_prices() -> pd.DataFrame:
    """As a vendor gives them who halves the prices before a split."""
    prices = DAILY[["Open", "High", "Low", "Close"]]
    return DAILY.assign(**(prices * np.where(np.arange(len(DAILY)) < 3000, 0.5, 1.0)[:, None]))


def with_other_last_digits() -> pd.DataFrame:
    prices = ["Open", "High", "Low", "Close"]
    noise = 1e-6 * np.random.default_rng(0).normal(size=(len(DAILY), 4))
    return DAILY.assign(**(DAILY[prices] * (1 + noise)))


THE_SAME = {
    "an indicator added": DAILY.assign(another=1.0),
    "the same prices imported again": DAILY.copy(),
    "adjusted prices": with_adjusted_prices(),
    "rounded to other digits": with_other_last_digits(),
}


@pytest.mark.parametrize("daily", THE_SAME.values(), ids=THE_SAME)
def test_the_same_days_are_refused_whatever_the_data_are_called(daily: pd.DataFrame, tmp_path: Path) -> None:
    ask(tmp_path / "log", WHOLE, "a")
    with pytest.raises(UserError, match="a test split answers once.* this is opening 2"):
        ask(tmp_path / "log", experiment(daily), "b")
    opening = ask(tmp_path / "log", experiment(daily), "b", reopen=True)
    assert opening["opening"] == 2
    assert opening["days"] == opening["days_opened_before"] == len(by_day(DAYS))


def test_one_more_day_moves_the_chunks_and_what_they_share_is_counted(tmp_path: Path) -> None:
    chunk = SETTING["chunk_length"]
    short = experiment(DAILY[: len(DAILY) // chunk * chunk - 1])
    ask(tmp_path / "log", short, "a")
    longer = experiment(DAILY[: len(DAILY) // chunk * chunk])  # one more chunk, so that others are drawn
    shared = len(by_day(judged_test_days(short)).keys() & by_day(judged_test_days(longer)).keys())
    assert 0 < shared < len(by_day(judged_test_days(longer)))
    with pytest.raises(UserError, match=f"{shared} of {longer.splits.test_indices.size} test days were opened on"):
        ask(tmp_path / "log", longer, "b")
    opening = ask(tmp_path / "log", longer, "b", reopen=True)
    assert (opening["opening"], opening["days_opened_before"]) == (2, shared)


def test_a_split_is_opened_once_half_of_its_days_are(tmp_path: Path) -> None:
    ask(tmp_path / "log", WHOLE, "a")
    other = experiment(val_ratio=0.17)  # one chunk more for validation: test moves on by one
    with pytest.raises(UserError, match=r"[0-9]+ of [0-9]+ test days were opened on .* this is opening 2"):
        ask(tmp_path / "log", other, "b")


def test_a_part_that_was_opened_is_said_before_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = make_arguments(tmp_path)
    ask(arguments.project / OPENINGS, WHOLE, "a")
    weekly = experiment(timescale="weekly", context_length=4, chunk_length=40)
    refuse_reopening(arguments, weekly)
    assert re.match(r"note: [0-9]+ of [0-9]+ test days were opened on .*; the record will", capsys.readouterr().out)
    with pytest.raises(UserError, match="the test split of this question was opened"):
        refuse_reopening(arguments, WHOLE)


def test_one_more_day_that_moves_nothing_is_the_same_question(tmp_path: Path) -> None:
    first = ask(tmp_path / "log", experiment(DAILY[:-1]), "a")
    assert ask(tmp_path / "log", WHOLE, "a") == first


def test_another_timescale_shares_the_days_it_decides_on(tmp_path: Path) -> None:
    ask(tmp_path / "log", WHOLE, "a")
    weekly = experiment(timescale="weekly", context_length=4, chunk_length=40)
    opening = ask(tmp_path / "log", weekly, "b")
    assert (opening["opening"], 0 < opening["days_opened_before"] < opening["days"]) == (2, True)


def test_other_prices_are_another_question(tmp_path: Path) -> None:
    ask(tmp_path / "log", WHOLE, "a")
    prices = ["Open", "High", "Low", "Close"]
    other = DAILY.assign(**{name: DAILY[name].to_numpy()[::-1] for name in prices})
    opening = ask(tmp_path / "log", experiment(other), "b")
    assert (opening["opening"], opening["days_opened_before"]) == (1, 0)


def test_lines_from_before_the_days_were_named_still_count(tmp_path: Path) -> None:
    names = ("data_sha256", "split", "task", "label_price", "horizon", "timescale")
    identity = WHOLE.identity()
    old = {"question": {name: identity[name] for name in names}, "experiment": "before", "weights_sha256": "a"}
    append_json_line(tmp_path / "log", {**old, "script_sha256": "s", "opening": 1, "opened": "2026-01-01"})
    assert ask(tmp_path / "log", WHOLE, "a") == read_openings(tmp_path / "log")[0]
    with pytest.raises(UserError, match="opened on 2026-01-01 by before"):
        ask(tmp_path / "log", WHOLE, "b")
    assert ask(tmp_path / "log", WHOLE, "b", reopen=True)["opening"] == 2


def test_days_are_those_on_which_test_samples_decide() -> None:
    decided = WHOLE.series.dates[WHOLE.decision_rows(WHOLE.splits.test_indices)]
    assert sorted(by_day(DAYS)) == decided.tolist()
    assert len(DAYS) == len(WHOLE.splits.test_chunks)
    assert days_in_common(DAYS, DAYS) == set(decided.tolist())
    assert days_in_common(DAYS, {first: "zz" * (len(run) // 2) for first, run in DAYS.items()}) == set()
    assert by_day({"2001-01-31": "ab--cd"}) == {date(2001, 1, 31): "ab", date(2001, 2, 2): "cd"}


def test_a_run_of_one_day_is_a_run() -> None:
    single = experiment(context_length=20, chunk_length=None)
    assert all(len(run) == 2 for run in judged_test_days(single).values())
    assert len(judged_test_days(single)) == len(single.splits.test_chunks)


def test_the_log_stays_small() -> None:
    assert sum(len(run) for run in judged_test_days(WHOLE).values()) < 4 * WHOLE.splits.test_indices.size


def test_openings_of_different_splits_are_counted_one_by_one(tmp_path: Path) -> None:
    of_seed = {seed: experiment(seed=seed) for seed in range(12)}
    days = {seed: set(by_day(judged_test_days(each))) for seed, each in of_seed.items()}
    one, other, both = next(
        (a, b, c)
        for a in days
        for b in days
        for c in days
        if days[a].isdisjoint(days[b]) and days[a] & days[c] and days[b] & days[c]
    )
    assert [ask(tmp_path / "log", of_seed[seed], str(seed))["opening"] for seed in (one, other)] == [1, 1]
    opening = ask(tmp_path / "log", of_seed[both], "c", reopen=True)
    assert (opening["opening"], opening["days_opened_before"]) == (3, len((days[one] | days[other]) & days[both]))
