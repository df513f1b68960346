"""A test split answers once, whoever asks."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import UserError
from runtime.judging import sealed_test
from runtime.judging.openings import read_openings
from runtime.judging.sealed_test import open_test, open_test_together, weights_sha256
from runtime.records.files import append_json_line
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from tests.helpers.tiny import make_experiment

EXPERIMENT = make_experiment()
SPLITTER: ChunkSplitter = EXPERIMENT.splitter


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "experiments" / "test_openings.jsonl"


def ask(log: Path, weights: str, experiment: Experiment = EXPERIMENT, **arguments: Any) -> dict[str, Any]:
    return open_test(log, experiment, weights=weights, **({"script_sha256": f"script {weights}"} | arguments))


def test_first_opening_is_recorded(log: Path) -> None:
    assert read_openings(log) == []
    record = ask(log, "a")
    assert read_openings(log) == [record]
    assert (record["opening"], record["weights_sha256"], record["script_sha256"]) == (1, "a", "script a")
    assert record["experiment"] == EXPERIMENT.name
    asked = {name: value for name, value in record["question"].items() if name != "days"}
    assert asked.items() <= EXPERIMENT.identity().items()
    assert (record["days"], record["days_opened_before"]) == (len(EXPERIMENT.splits.test_indices), 0)


def test_same_weights_again_are_the_same_opening(log: Path) -> None:
    first = ask(log, "a")
    assert ask(log, "a") == first == ask(log, "a", reopen=True)
    assert len(read_openings(log)) == 1


def test_other_weights_are_refused_and_nothing_is_recorded(log: Path) -> None:
    first = ask(log, "a")
    with pytest.raises(UserError, match=rf"was opened on {first['opened'][:10]}.*--reopen-test.* opening 2"):
        ask(log, "b")
    assert read_openings(log) == [first]


def test_same_script_repeats_its_opening_and_the_log_shows_it(log: Path) -> None:
    first = ask(log, "a", script_sha256="script")
    again = ask(log, "b", script_sha256="script")
    assert (first["opening"], first["repeats"]) == (1, False)
    assert (again["opening"], again["repeats"]) == (1, True)
    assert ask(log, "c", script_sha256="other", reopen=True)["opening"] == 2
    assert [entry["weights_sha256"] for entry in read_openings(log)] == ["a", "b", "c"]


def test_reopening_counts_and_keeps_the_earlier_openings(log: Path) -> None:
    ask(log, "a")
    assert ask(log, "b", reopen=True)["opening"] == 2
    assert ask(log, "c", reopen=True)["opening"] == 3
    assert ask(log, "b")["opening"] == 2
    assert [entry["weights_sha256"] for entry in read_openings(log)] == ["a", "b", "c"]


MEMBERS = {"small": ("script a", "a"), "large": ("script b", "b")}


def test_trainings_that_are_judged_together_are_one_opening(log: Path) -> None:
    together = open_test_together(log, EXPERIMENT, MEMBERS)
    assert together is not None
    assert (together["opening"], together["experiment"]) == (1, "small, large")
    assert together["together"] == {"script a": "a", "script b": "b"}
    assert ask(log, "a") == ask(log, "b") == together
    assert read_openings(log) == [together]


def test_nobody_else_is_let_in_with_them(log: Path) -> None:
    open_test_together(log, EXPERIMENT, MEMBERS)
    with pytest.raises(UserError, match="was opened on .* by small, large with other weights"):
        ask(log, "c")
    with pytest.raises(UserError, match="with other weights"):
        ask(log, "a", script_sha256="script c")  # the weights of a member, asked for by a script that is none
    assert ask(log, "c", reopen=True)["opening"] == 2


def test_a_member_with_other_weights_repeats_the_opening(log: Path) -> None:
    open_test_together(log, EXPERIMENT, MEMBERS)
    again = ask(log, "b", script_sha256="script a")
    assert (again["opening"], again["repeats"]) == (1, True)


def test_what_was_opened_before_is_not_opened_together(log: Path) -> None:
    first = ask(log, "a")
    assert open_test_together(log, EXPERIMENT, MEMBERS) is None
    assert read_openings(log) == [first]


def test_line_that_a_crash_cut_off_was_no_opening(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ask(log, "a")
    whole = log.read_bytes()
    other = replace(EXPERIMENT, task="threshold_3pct")
    second = ask(log, "b", other)
    for cut in range(len(whole), len(log.read_bytes()) - 1, 97):
        log.write_bytes((whole + log.read_bytes()[len(whole) :])[: cut + 1])
        assert read_openings(log) == [first]
        assert ask(log, "b", other) | {"opened": ""} == second | {"opened": ""}
        assert "its last line was cut off by a crash" in capsys.readouterr().err
        assert len(read_openings(log)) == 2


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"question": 1}'])
def test_damaged_log_is_refused_and_left_alone(line: str, log: Path) -> None:
    ask(log, "a")
    damaged = f"{line}\n{log.read_text()}"
    log.write_text(damaged)
    with pytest.raises(UserError, match=r"test_openings.jsonl is damaged .*; restore it: git checkout -- exp"):
        ask(log, "a")
    assert log.read_text() == damaged


def test_of_many_that_ask_at_once_one_opens(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def append_slowly(path: Path, value: Any) -> None:
        time.sleep(0.05)
        append_json_line(path, value)

    monkeypatch.setattr(sealed_test, "append_json_line", append_slowly)

    def try_to(weights: int) -> bool:
        try:
            return bool(ask(log, str(weights)))
        except UserError:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_to, range(40))) == 1
    assert len(read_openings(log)) == 1


@pytest.mark.parametrize("change", [{"budget": "20M"}, {"name": "other"}, {"phase": "phase9"}])
def test_another_script_or_budget_asks_the_same_question(change: dict[str, Any], log: Path) -> None:
    ask(log, "a")
    with pytest.raises(UserError, match="a test split answers once"):
        ask(log, "b", replace(EXPERIMENT, **change), script_sha256="other script")


@pytest.mark.parametrize(
    "change", [{"task": "threshold_3pct"}, {"threshold": 0.02}, {"horizon": 2}, {"label_price": "close"}], ids=str
)
def test_another_label_is_another_question(change: dict[str, Any], log: Path) -> None:
    ask(log, "a")
    other = replace(EXPERIMENT, **change)
    assert ask(log, "b", other)["opening"] == 1
    assert ask(log, "b", other)["opening"] == 1
    assert len(read_openings(log)) == 2


STATE = {"first": torch.arange(6.0).reshape(2, 3), "second": torch.zeros(2)}


@pytest.mark.parametrize(
    "other",
    [
        STATE | {"second": torch.tensor([0.0, 1e-30])},
        STATE | {"first": torch.arange(6.0).reshape(3, 2)},
        STATE | {"second": torch.zeros(2, dtype=torch.int32)},
        {"first": STATE["first"], "third": STATE["second"]},
        {"first": STATE["first"]},
    ],
    ids=["value", "shape", "dtype", "name", "missing"],
)
def test_other_weights_have_another_hash(other: dict[str, torch.Tensor]) -> None:
    assert weights_sha256(other) != weights_sha256(STATE)


def test_hash_of_weights_ignores_their_order_and_layout() -> None:
    turned = {"second": STATE["second"], "first": STATE["first"].t().contiguous().t()}
    assert weights_sha256(turned) == weights_sha256(STATE)
