"""How much the encoder adds is told apart from what the linear path around it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runtime.judging.alarms import encoder_idle
from runtime.judging.baselines import fit_baselines
from runtime.judging.evaluation import log_loss
from runtime.judging.network_share import linear_path, share_report, starting_point
from runtime.training.trainer import Trainer
from tests.helpers.tiny import make_arguments, make_experiment, make_trainer
from tests.helpers.tiny_run import train

EXPERIMENT = make_experiment()
VALIDATION, TEST = EXPERIMENT.splits.val_indices, EXPERIMENT.splits.test_indices


def encoder_alone(trainer: Trainer) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What the head reads from the encoder: the model's logits without bias and without its last row."""
    with torch.no_grad():
        trainer.model.head.bias.zero_()
        trainer.model.last_row.zero_()
    return trainer.predict(TEST)


def test_linear_path_and_encoder_sum_to_the_model() -> None:
    trainer = make_trainer(EXPERIMENT, last_row=True, max_epochs=3)
    trainer.fit()
    linear, model = linear_path(trainer.learner.weights(), EXPERIMENT)(TEST), trainer.predict(TEST)
    encoder = encoder_alone(trainer)
    assert np.abs(encoder).max() > 0.01
    np.testing.assert_allclose(linear + encoder, model, atol=1e-5)


def test_a_fresh_model_is_its_linear_path_and_its_starting_point() -> None:
    for last_row, name in ((True, "logistic_regression"), (False, "base_rate")):
        trainer = make_trainer(EXPERIMENT, last_row=last_row)
        weights, start = trainer.learner.weights(), fit_baselines(EXPERIMENT)[name](TEST)
        assert starting_point(weights) == name
        np.testing.assert_allclose(linear_path(weights, EXPERIMENT)(TEST), start, atol=1e-5)
        np.testing.assert_allclose(trainer.predict(TEST), start, atol=1e-5)


def share(added: float, *, knows: bool, chunks: int = 8) -> dict[str, Any]:
    """Of an encoder that adds so many logits, in the direction of the labels or of none."""
    random = np.random.default_rng(0)
    truth, linear = random.normal(size=800), random.normal(size=800)
    labels = (random.random(800) < 1 / (1 + np.exp(-2 * truth - linear))).astype(np.float64)
    model = linear + added * (truth if knows else random.normal(size=800))
    chunk_of = np.arange(800) * chunks // 800
    return share_report(labels, model, linear, np.zeros(800), chunk_of, train_base_rate=0.5)


def test_report_holds_skills_and_the_root_mean_square_in_logits() -> None:
    found = share(1.5, knows=True)
    assert 1.3 < found["encoder_rms"] < 1.7
    assert found["skill"]["model"] > found["skill"]["linear_path"] > found["skill"]["starting_point"]
    assert found["skill"]["starting_point"] == pytest.approx(0, abs=1e-12)
    difference = found["minus_linear_path"]["log_loss"]["difference"]
    skills = found["skill"]["model"] - found["skill"]["linear_path"]
    assert difference == pytest.approx(-skills * np.log(2), rel=1e-9)


def test_an_encoder_is_idle_that_adds_nothing_or_noise_and_not_one_that_knows() -> None:
    for idle in (share(0.0, knows=True), share(0.05, knows=False)):
        (found,) = encoder_idle("test", idle)
        assert found["name"] == "encoder_idle"
        assert found["message"].startswith(f"test: the encoder adds {idle['encoder_rms']:.3f} logits")
    assert encoder_idle("test", share(1.0, knows=True)) == []
    assert encoder_idle("test", share(3.0, knows=False)) == [], "it does harm, and that is shown"
    assert encoder_idle("test", share(0.0, knows=True, chunks=2)) == [], "two chunks show nothing at all"


def test_every_training_records_it_on_each_open_split(tmp_path: Path) -> None:
    closed = train(make_arguments(tmp_path / "closed", no_test=True), max_epochs=2)["network_share"]
    record = train(make_arguments(tmp_path / "open"), max_epochs=2, architecture={"last_row": True})
    found = record["network_share"]
    assert (closed["starting_point"], closed["test"]) == ("base_rate", None)
    assert found["starting_point"] == "logistic_regression"
    for split, indices in (("validation", VALIDATION), ("test", TEST)):
        skills = found[split]["skill"]
        assert skills["model"] == pytest.approx(record[split]["model"]["log_loss_skill"], abs=1e-12)
        assert skills["starting_point"] == pytest.approx(
            record[split]["logistic_regression"]["log_loss_skill"], abs=1e-12
        )
        base = log_loss(EXPERIMENT.labels_of(indices), fit_baselines(EXPERIMENT)["base_rate"](indices))
        difference = found[split]["minus_linear_path"]["log_loss"]["difference"]
        assert difference == pytest.approx((skills["linear_path"] - skills["model"]) * base, abs=1e-12)
