"""Several training seeds of one script: alike but for the seed, opened once together, whatever happens in between."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from runtime.errors import RunError, UserError
from runtime.judging.intervals import t_interval
from runtime.judging.sealed_test import joint_sha256
from runtime.script.arguments import Arguments
from runtime.training.seed_run import SeedRun
from runtime.training.seed_table import seed_table
from runtime.training.trainer import Trainer, TrainingResult
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import metrics_of, openings, read, train

QUICK: dict[str, Any] = {"max_epochs": 2}
FIT = Trainer.fit


def run(arguments: Arguments) -> list[dict[str, Any]]:
    """Train; the records of all seeds, in their order."""
    train(arguments, **QUICK)
    return records_of(arguments)


def folders_of(arguments: Arguments) -> list[Path]:
    return [arguments.output, *(arguments.output / f"seed_{7 + further}" for further in range(1, arguments.seeds))]


def records_of(arguments: Arguments) -> list[dict[str, Any]]:
    return [read(folder / "result.json") for folder in folders_of(arguments)]


def trained_seeds(monkeypatch: pytest.MonkeyPatch, ends: dict[int, BaseException] | None = None) -> list[int]:
    """The seeds that are trained from now on; those in ``ends`` end so instead."""
    seeds: list[int] = []

    def fit(trainer: Trainer, *callbacks: Callable[..., None]) -> TrainingResult:
        seeds.append(trainer.seed)
        if ends and trainer.seed in ends:
            raise ends[trainer.seed]
        return FIT(trainer, *callbacks)

    monkeypatch.setattr(Trainer, "fit", fit)
    return seeds


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arguments, list[dict[str, Any]]]:
    arguments = make_arguments(tmp_path_factory.mktemp("three"), seeds=3)
    return arguments, run(arguments)


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    epochs = [{**epoch, "seconds": 0} for epoch in record["training"]["epochs"]]
    training = record["training"] | {"epochs": epochs, "seconds": 0, "peak_memory_bytes": 0}
    return record | {"training": training, "test_opening": record["test_opening"] | {"opened": ""}}


def test_seeds_differ_in_the_seed_and_what_follows_from_it_alone(three: tuple[Arguments, list[dict[str, Any]]]) -> None:
    arguments, records = three
    assert [record["training_seed"] for record in records] == [7, 8, 9]
    different = {name for name in records[0] if any(record[name] != records[0][name] for record in records)}
    surely = {"training_seed", "weights_sha256", "training"}
    judged = {"decision_threshold", "validation", "test", "addition", "network_share", "alarms"}
    assert surely <= different <= surely | judged | {"candidate_val_losses"}
    assert len({record["weights_sha256"] for record in records}) == 3
    first_losses = {metrics_of(folder)[0]["train_loss"] for folder in folders_of(arguments)}
    assert len(first_losses) == 3, "the order of samples and the initial weights differ, too"


def test_the_first_seed_is_what_a_single_run_is(three: tuple[Arguments, list[dict[str, Any]]], tmp_path: Path) -> None:
    (single,) = run(make_arguments(tmp_path))
    opened = ("test_opening", "script_sha256")
    one, other = (without_times(record) for record in (three[1][0], single))
    assert {name for name in one if one[name] != other[name]} <= {*opened}
    assert single["test_opening"]["weights_sha256"] == single["weights_sha256"]


def test_every_seed_leaves_a_model_and_no_checkpoint(three: tuple[Arguments, list[dict[str, Any]]]) -> None:
    for folder in folders_of(three[0]):
        assert (folder / "model.safetensors").exists()
        assert (folder / "predictions.parquet").exists()
    assert not list(three[0].output.rglob("*.pt"))


def test_all_seeds_are_one_opening(three: tuple[Arguments, list[dict[str, Any]]]) -> None:
    arguments, records = three
    (opening,) = openings(arguments)
    assert opening["weights_sha256"] == joint_sha256([record["weights_sha256"] for record in records])
    assert all(record["test_opening"] == opening for record in records)
    assert {record["status"] for record in records} == {"finished"}


def test_nothing_is_opened_before_all_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = make_arguments(tmp_path, seeds=3)
    trained_seeds(monkeypatch, {9: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        run(arguments)
    assert openings(arguments) == []
    assert [record["status"] for record in records_of(arguments)] == ["trained", "trained", "interrupted"]
    assert all(record["test"] is None for record in records_of(arguments)[:2])


def test_interrupted_after_the_first_seed_it_ends_as_if_left_alone(
    three: tuple[Arguments, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_arguments(tmp_path, seeds=3)
    with monkeypatch.context() as patch:
        trained_seeds(patch, {8: KeyboardInterrupt()})
        with pytest.raises(KeyboardInterrupt):
            run(arguments)
    seeds = trained_seeds(monkeypatch)
    continued = run(arguments)
    assert seeds == [8, 9]
    assert [without_times(record) for record in continued] == [without_times(record) for record in three[1]]
    for one, other in zip(folders_of(arguments), folders_of(three[0]), strict=True):
        states = [load_file(folder / "model.safetensors") for folder in (one, other)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
        assert metrics_of(one) == metrics_of(other)


def test_killed_as_its_record_was_written_it_leaves_no_checkpoint_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_arguments(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(SeedRun, "remove_checkpoints", lambda run: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(arguments)
    assert list(arguments.output.rglob("*.pt"))
    assert [record["status"] for record in run(arguments)] == ["finished"]
    assert not list(arguments.output.rglob("*.pt"))


def test_died_between_the_opening_and_the_last_report_it_finishes_the_same_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_arguments(tmp_path, seeds=2)
    records = run(arguments)
    last = folders_of(arguments)[1] / "result.json"
    closed = {"status": "trained", "test": None, "test_opening": None}
    last.write_text(json.dumps(records[1] | closed))
    seeds = trained_seeds(monkeypatch)
    assert run(arguments) == records
    assert (seeds, len(openings(arguments))) == ([], 1)


def test_seeds_that_were_judged_in_different_openings_are_brought_into_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_arguments(tmp_path, seeds=2)
    records = run(arguments)
    other = records[0]["test_opening"] | {"weights_sha256": "0" * 64}
    (arguments.output / "result.json").write_text(json.dumps(records[0] | {"test_opening": other}))
    seeds = trained_seeds(monkeypatch)
    assert run(arguments) == records
    assert (seeds, len(openings(arguments))) == ([], 1)


def test_one_seed_becomes_three_and_the_opening_says_that_it_repeats(
    three: tuple[Arguments, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (single,) = run(make_arguments(tmp_path))
    seeds = trained_seeds(monkeypatch)
    records = run(make_arguments(tmp_path, seeds=3))
    assert seeds == [8, 9]
    assert records[0]["test"] == single["test"]
    opening = records[0]["test_opening"]
    assert (opening["opening"], opening["repeats"]) == (1, True)
    assert opening["weights_sha256"] == three[1][0]["test_opening"]["weights_sha256"]
    assert {record["test_opening"]["weights_sha256"] for record in records} == {opening["weights_sha256"]}


@pytest.mark.parametrize("fewer", [1, 2, 3])
def test_finished_seeds_are_not_run_again(
    fewer: int,
    three: tuple[Arguments, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, records = three
    seeds = trained_seeds(monkeypatch)
    run(replace(arguments, seeds=fewer))
    assert "\nfinished already: " in capsys.readouterr().out
    assert (seeds, records_of(arguments), len(openings(arguments))) == ([], records, 1)


def test_failed_seed_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = make_arguments(tmp_path, seeds=3)
    with monkeypatch.context() as patch:
        trained_seeds(patch, {8: RunError("training diverged")})
        with pytest.raises(RunError, match=r"^seed 8: training diverged$"):
            run(arguments)
    records = records_of(arguments)
    assert [record["status"] for record in records] == ["finished", "failed", "finished"]
    assert (records[1]["training_seed"], records[1]["failure"]) == (8, "RunError: training diverged")
    (opening,) = openings(arguments)
    assert opening["weights_sha256"] == joint_sha256([records[n]["weights_sha256"] for n in (0, 2)])
    assert "2 training seeds" in capsys.readouterr().out
    assert [record["status"] for record in run(arguments)] == ["finished"] * 3
    assert [entry["repeats"] for entry in openings(arguments)] == [False, True]


def test_every_seed_failed_opens_nothing(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path, seeds=2)
    with pytest.raises(RunError, match=r"^seed 7: .* training diverged.*; seed 8: .* training diverged"):
        train(arguments, learning_rate=1e30, warmup_fraction=0.0)
    assert openings(arguments) == []


def test_weights_that_are_not_the_recorded_ones_are_never_judged(tmp_path: Path) -> None:
    run(make_arguments(tmp_path))
    arguments = make_arguments(tmp_path, seeds=2)
    model = arguments.output / "model.safetensors"
    model.rename(tmp_path / "away")
    with pytest.raises(UserError, match=r"holds no model.safetensors"):
        run(arguments)
    run(make_arguments(tmp_path / "other", seed=9))
    (tmp_path / "other/outputs/phase0/script/model.safetensors").rename(model)
    record = read(arguments.output / "result.json")
    (arguments.output / "result.json").write_text(json.dumps(record | {"weights_sha256": "0" * 64}))
    with pytest.raises(UserError, match="holds other weights than result.json says; remove .*result.json"):
        run(arguments)


def test_table_shows_every_seed_their_mean_and_its_interval(three: tuple[Arguments, list[dict[str, Any]]]) -> None:
    records = three[1]
    lines = seed_table(records, "test")
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:5]}
    skills = np.array([record["test"]["model"]["log_loss_skill"] for record in records])
    differences = np.array(
        [record["test"]["model"]["log_loss"] - record["test"]["boosting_history"]["log_loss"] for record in records]
    )
    assert [(float(rows[str(seed)][0])) for seed in (7, 8, 9)] == pytest.approx(skills, abs=5e-5)
    assert [(float(rows[str(seed)][-1])) for seed in (7, 8, 9)] == pytest.approx(differences, abs=5e-5)
    mean, low, high = (line.split()[-6:] for line in lines[5:])
    assert float(mean[0]) == pytest.approx(skills.mean(), abs=5e-5)
    assert [float(low[-1]), float(high[-1])] == pytest.approx(t_interval(differences), abs=5e-5)
    assert "undefined" in seed_table(records[:2], "test")[-1]
