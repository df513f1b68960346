"""The same network without its history: trained alike, judged beside it, and never in its way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runtime.errors import RunError, UserError
from runtime.judging.baselines import fit_baselines
from runtime.judging.evaluation import log_loss
from runtime.judging.sealed_test import weights_sha256
from runtime.script.arguments import Arguments
from runtime.training.finished import is_finished
from runtime.training.trainer import Trainer, TrainingResult
from tests.helpers import market
from tests.helpers.tiny import make_arguments, make_trainer
from tests.helpers.tiny_ranks import run, train_with_its_rival
from tests.helpers.tiny_run import EXPERIMENT, metrics_of, openings, read, run_tiny, train

NAME = "newest_row_network"
QUICK: dict[str, Any] = {"max_epochs": 3}
MASKED = replace(EXPERIMENT, newest_row_only=True)
VALIDATION, TEST = EXPERIMENT.splits.val_indices, EXPERIMENT.splits.test_indices
FIT = Trainer.fit


def asked(project: Path, **flags: Any) -> Arguments:
    return make_arguments(project, newest_row_network=True, **flags)


def is_done(project: Path, *, newest_row_network: bool) -> bool:
    arguments = asked(project)
    flags = {"seeds": 1, "opens_test": True, "newest_row_network": newest_row_network}
    return is_finished(arguments.script, arguments.output, **flags)


def without_seconds(section: dict[str, Any]) -> dict[str, Any]:
    return section | {"seconds": 0}


def trainings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each training from now on, whether it is one of the rival."""
    seen: list[bool] = []

    def fit(trainer: Trainer, *callbacks: Callable[..., None]) -> TrainingResult:
        seen.append(trainer.dataset.newest_row_only)
        return FIT(trainer, *callbacks)

    monkeypatch.setattr(Trainer, "fit", fit)
    return seen


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arguments, dict[str, Any]]:
    arguments = asked(tmp_path_factory.mktemp("finished"))
    return arguments, train(arguments, **QUICK)


def direct() -> Trainer:
    trainer = make_trainer(EXPERIMENT, dataset=MASKED.windows, **QUICK)
    trainer.fit()
    return trainer


def test_it_is_the_same_training_on_masked_windows(finished: tuple[Arguments, dict[str, Any]]) -> None:
    section, trainer = finished[1][NAME], direct()
    assert section["weights_sha256"] == weights_sha256(trainer.model.state_dict())
    for split, indices in (("validation", VALIDATION), ("test", TEST)):
        logits = trainer.predict(indices)
        assert section[split]["log_loss"] == pytest.approx(log_loss(EXPERIMENT.labels_of(indices), logits), rel=1e-12)
    assert section["best_val_loss"] == pytest.approx(section["validation"]["log_loss"], rel=1e-12)


def test_history_and_nonlinearity_sum_to_the_lead(finished: tuple[Arguments, dict[str, Any]]) -> None:
    record = finished[1]
    for split in ("validation", "test"):
        lead = record[split]["logistic_regression"]["model_minus_this"]["log_loss"]
        history, reading = (record[NAME][split][each]["log_loss"] for each in ("model_minus_this", "minus_regression"))
        losses = record[split]["model"]["log_loss"], record[NAME][split]["log_loss"]
        assert history["difference"] == pytest.approx(losses[0] - losses[1], abs=1e-12)
        assert history["difference"] + reading["difference"] == pytest.approx(lead["difference"], abs=1e-12)
        assert record[NAME][split]["chunks"] == record[split]["model"]["chunks"] == len(history["per_chunk"])


def test_it_begins_where_the_regression_stands() -> None:
    forecast = fit_baselines(EXPERIMENT)["logistic_regression"](TEST)
    fresh = make_trainer(EXPERIMENT, dataset=MASKED.windows, last_row=True)
    np.testing.assert_allclose(fresh.predict(TEST), forecast, atol=1e-5)


def test_it_does_not_move_anything_else(finished: tuple[Arguments, dict[str, Any]], tmp_path: Path) -> None:
    alone = train(make_arguments(tmp_path), **QUICK)
    assert alone[NAME] is None
    beside = finished[1]
    assert list(beside) == list(alone)
    for name in ("validation", "test", "weights_sha256", "boosting", "alarms", "decision_threshold"):
        assert beside[name] == alone[name]
    assert metrics_of(finished[0].output) == metrics_of(make_arguments(tmp_path).output)
    assert len(metrics_of(finished[0].output / NAME)) == 3
    assert not list(finished[0].output.rglob("*.pt"))


def test_a_finished_run_gets_it_later_without_training_or_opening_again(
    finished: tuple[Arguments, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = train(make_arguments(tmp_path), **QUICK)
    assert is_done(tmp_path, newest_row_network=False)
    assert not is_done(tmp_path, newest_row_network=True)
    seen = trainings(monkeypatch)
    after = train(asked(tmp_path), **QUICK)
    assert is_done(tmp_path, newest_row_network=True)
    assert seen == [True]
    assert {name for name in after if after[name] != before[name]} == {NAME}
    assert without_seconds(after[NAME]) == without_seconds(finished[1][NAME])
    assert len(openings(asked(tmp_path))) == 1
    assert train(asked(tmp_path), **QUICK) == train(make_arguments(tmp_path), **QUICK) == after
    assert seen == [True], "it is finished"


def test_it_is_kept_for_every_run_of_the_same_question_and_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(asked(tmp_path, no_test=True), **QUICK)
    assert (first["status"], first["test"], first[NAME]["test"]) == ("finished", None, None)
    seen = trainings(monkeypatch)
    opened = train(asked(tmp_path), **QUICK)
    assert opened[NAME]["test"]["log_loss"] > 0
    assert opened[NAME]["validation"] == first[NAME]["validation"]
    other = asked(tmp_path, output=tmp_path / "outputs/phase0/another")
    assert train(other, **QUICK)[NAME] == opened[NAME]
    assert seen == [False], "the network of the other folder alone"
    del seen[:]
    train(other, **QUICK, seed=8)
    train(other, **(QUICK | {"dropout": 0.2}), seed=9)
    train(replace(other, output=other.output.with_name("third")), **(QUICK | {"dropout": 0.3}), seed=9)
    assert seen == [False, True] * 3, "another seed, another recipe"


@pytest.mark.parametrize("damage", [b"", b"no weights"])
def test_damaged_weights_are_trained_again(
    damage: bytes, finished: tuple[Arguments, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(asked(tmp_path, no_test=True), **QUICK)
    (path,) = (tmp_path / "outputs/baselines").glob(f"{NAME}-*.safetensors")
    path.write_bytes(damage)
    again = train(asked(tmp_path), **QUICK)
    assert f"warning: {path} is damaged (" in capsys.readouterr().err
    assert without_seconds(again[NAME]) == without_seconds(finished[1][NAME])


def test_interrupted_at_any_step_it_ends_as_if_left_alone(
    finished: tuple[Arguments, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, left = Trainer._train_step, [0]

    def interrupted(trainer: Trainer, *given: Any) -> Any:
        if trainer.dataset.newest_row_only:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return step(trainer, *given)

    monkeypatch.setattr(Trainer, "_train_step", interrupted)
    for steps in (0, 1, 5, 8):
        left[0] = steps
        with pytest.raises(KeyboardInterrupt):
            train(asked(tmp_path), checkpoint_share=1.0, **QUICK)
        record = read(asked(tmp_path).output / "result.json")
        assert (record["status"], record[NAME]) == ("finished", None), "the network itself is safe"
    left[0] = 100
    found = train(asked(tmp_path), checkpoint_share=1.0, **QUICK)
    assert left[0] == 100 - (21 - 14), "it went on from its checkpoint"
    assert without_seconds(found[NAME]) == without_seconds(finished[1][NAME])
    assert metrics_of(asked(tmp_path).output / NAME) == metrics_of(finished[0].output / NAME)
    assert len(openings(asked(tmp_path))) == 1


def test_its_failure_is_recorded_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(trainer: Trainer, *callbacks: Callable[..., None]) -> TrainingResult:
        if trainer.dataset.newest_row_only and trainer.seed == 7:
            raise RunError("training diverged")
        return FIT(trainer, *callbacks)

    monkeypatch.setattr(Trainer, "fit", diverge)
    arguments = asked(tmp_path, seeds=2)
    with pytest.raises(RunError, match="^seed 7: newest_row_network: training diverged$"):
        train(arguments, **QUICK)
    first, second = (read(folder / "result.json") for folder in (arguments.output, arguments.output / "seed_8"))
    assert first[NAME] == {"failure": "RunError: training diverged"}
    assert first["status"] == second["status"] == "finished"
    assert second[NAME]["test"]["log_loss"] > 0
    assert len(openings(arguments)) == 1
    for kept in (tmp_path / "outputs/baselines").glob(f"{NAME}-*"):
        kept.unlink()
    seen = trainings(monkeypatch)
    assert train(arguments, **QUICK)[NAME]["test"]["log_loss"] > 0
    assert seen == [True], "what has its rival is left alone"


def test_windows_that_are_standardised_by_themselves_are_refused_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^--newest-row-network: with instance_norm each window is standardised by its"):
        run_tiny(asked(tmp_path), architectures={"tiny": {"instance_norm": True}})
    assert not (tmp_path / "outputs").exists()


LONG = {"patch_length": 4, "stride": 4, "last_row": True}


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_ranks_share_it_as_they_share_the_network(sharding: str, tmp_path: Path) -> None:
    found = []
    for count, kind in ((1, "none"), (2, sharding)):
        run(tmp_path / str(count), count, kind, train_with_its_rival)
        found.append(read(tmp_path / str(count) / "outputs/phase0/script/result.json")[NAME])
    for split in ("validation", "test"):
        assert found[1][split]["log_loss"] == pytest.approx(found[0][split]["log_loss"], rel=1e-5)


@pytest.mark.parametrize(("age", "helps"), [(0, False), (20, True)])
def test_history_is_worth_something_only_where_labels_need_it(age: int, helps: bool, tmp_path: Path) -> None:
    """Labels drawn with a logit of three times the first feature of today, or of twenty bars ago."""
    series, random = market.make_series(market.make_daily(4000)), np.random.default_rng(1)
    chances = 1 / (1 + np.exp(-1.5 * (pd.Series(series.features[:, 0]).shift(age, fill_value=0).to_numpy() - 3)))
    experiment = market.make_experiment(series, context_length=24, chunk_length=100)
    labels = np.where(np.isnan(experiment.labels), np.nan, random.random(4000) < chances)
    planted = replace(experiment, labels=labels)
    recipe = {"max_epochs": 6, "learning_rate": 0.01, "dropout": 0.1}
    record = train(asked(tmp_path), planted, architecture=LONG, **recipe)
    worth = record[NAME]["test"]["model_minus_this"]["log_loss"]
    assert (worth["t"][1] < -0.1) == helps
    assert (worth["t"][0] <= 0 <= worth["t"][1]) != helps
