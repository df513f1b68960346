"""Records become studies that mix nothing, summaries that never invent a number, and a figure that shows every seed."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from runtime.judging.intervals import t_interval
from runtime.scaling import PARAMETERS, TRAINING_SAMPLES, draw_scaling, studies, summary
from runtime.scaling.rules import Sign, data_limited
from runtime.scaling.words import sentences
from tests.helpers.scaling_records import BASELINES, COUNTS, OPENING, SPLIT, flat, record, results, simulate, unopened

PALETTE = {"ink": "#111111", "muted": "#555555", "surface": "#ffffff", "model": "#0072b2"} | dict.fromkeys(
    BASELINES, "#009e73"
)


def only(records: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    (study,) = studies(results(records), **options)
    return summary(study)


def text(found: dict[str, Any]) -> str:
    return "\n".join(found["sentences"])


def test_a_clean_study_is_described() -> None:
    found = only(simulate())
    assert [level["name"] for level in found["levels"]] == list(COUNTS)
    assert [level["seeds"] for level in found["levels"]] == [5, 5, 5, 5]
    assert (found["split"], found["rival"], found["forms"]["chosen"]) == ("test", "logistic_regression", "power_law")
    assert "Over 5 training seeds the loss falls as parameters grow (Page's trend test" in text(found)
    assert "E + A·N⁻ᵅ" in text(found)
    assert "data, not the model" not in text(found)
    assert "Undefined" not in text(found)
    assert "R²" not in text(found)
    json.dumps(found, allow_nan=False)


def test_level_holds_the_interval_over_seeds_and_that_over_chunks() -> None:
    records = simulate(budgets=["2M"])
    (level,) = only(records)["levels"]
    losses = np.array([each["test"]["model"]["log_loss"] for each in records])
    assert level["loss"] == pytest.approx(losses.mean())
    assert level["seed_interval"] == pytest.approx(t_interval(losses))
    ends = [each["test"]["model"]["intervals"]["log_loss"]["t"] for each in records]
    assert level["chunk_interval"] == pytest.approx(np.mean(ends, axis=0).tolist())


def test_flat_losses_say_that_the_data_limit_the_result() -> None:
    found = only(simulate(flat))
    assert found["forms"]["chosen"] == "constant"
    assert "The data, not the model, limit the result: no form fits the losses better than a constant;" in text(found)
    assert "cannot be shown to fall" in text(found)


def test_clean_data_have_no_sign() -> None:
    roomy = {"splits": {"training": {"samples": 10**9, "positives": 9}}}
    assert "No sign that the data limit the result." in only([each | roomy for each in simulate()])["sentences"]


def test_order_of_the_records_changes_nothing() -> None:
    records = simulate(budgets=["2M", "20M", "200M"], seeds=[42, 43, 44])
    records += [record(status="failed", failure="RunError: diverged", training_seed=50)]
    expected = only(records)

    @given(st.permutations(records))
    @settings(max_examples=8, deadline=None)
    def check(shuffled: list[dict[str, Any]]) -> None:
        assert only(shuffled) == expected

    check()


@pytest.mark.parametrize(
    ("records", "undefined", "command"),
    [
        (simulate(seeds=[42]), "trend over training seeds", "python experiments/phase6a/train_2B_threshold_1pct.py"),
        (simulate(budgets=["2M"]), "trend over training seeds", "python -m codegen phase6a, then the other scripts"),
        (
            simulate(budgets=["2M"], seeds=[42]),
            "Which curve describes the losses",
            "train_2M_threshold_1pct.py --seeds 5",
        ),
    ],
)
def test_one_seed_or_one_budget_says_what_is_undefined_and_what_to_run(
    records: list[dict[str, Any]], undefined: str, command: str
) -> None:
    found = only(records)
    assert found["trend"]["p_value"] is None
    assert (found["curve"], found["undefined"]) == (None, {"curve": "no form is chosen"})
    assert f"{undefined} is undefined" in text(found)
    assert command in text(found)
    json.dumps(found, allow_nan=False)


def test_missing_runs_leave_the_trend_but_not_the_band() -> None:
    found = only([each for each in simulate() if each["budget"] != "2B" or each["training_seed"] == 42])
    assert found["trend"]["test"].startswith("permutation test")
    assert found["trend"]["p_value"] < 0.05
    assert found["curve"]["low"] is None
    assert found["levels"][-1]["undefined"] == {"seed_interval": "1 seeds are fewer than 3"}
    assert "More seeds: python experiments/phase6a/train_2B_threshold_1pct.py --seeds 5" in found["sentences"]


def test_rival_is_chosen_on_validation() -> None:
    each = record()
    each["validation"]["gradient_boosting"]["log_loss"] = 0.1
    assert only([each])["rival"] == "gradient_boosting"


def test_a_falling_loss_is_never_blamed_on_the_data() -> None:
    study = studies(results(simulate(flat)))[0]
    found = summary(study)
    assert found["data_limited"]
    fired = [Sign(**finding) for finding in found["findings"]]
    assert not data_limited(fired, found["trend"] | {"p_value": 0.01})
    assert "Signs that data are scarce: no form" in "\n".join(sentences(study, found | {"data_limited": False}))


def test_splits_are_never_mixed() -> None:
    some = simulate(budgets=["2M"]) + unopened(simulate(budgets=["20M"]))
    assert only(some)["split"] == "validation"
    assert len(only(some)["runs"]) == 10
    tested = only(some, split="test")
    assert {run["level"] for run in tested["runs"]} == {"2M"}
    assert "phase6a_20M_threshold_1pct, seed 42: its test split is not opened" in tested["left_out"]


def test_what_cannot_be_used_is_named() -> None:
    old = record(seed=43)
    del old["recipe"]
    short = record(seed=44, shortened_to_epochs=3)
    failed = record(seed=45, status="failed", failure="RunError: training diverged")
    trained = record(seed=47, status="trained", test=None, test_opening=None)
    found = only([record(), old, short, failed, record(seed=46), record(seed=46), trained])
    assert [run["seed"] for run in found["runs"]] == [42]
    reasons = dict(sentence.split(": ", 1) for sentence in found["left_out"])
    assert "got `null` - at `$.recipe`" in reasons["phase6a_2M_threshold_1pct, seed 43"]
    assert reasons["phase6a_2M_threshold_1pct, seed 44"] == "a shorter look of 3 epochs"
    assert reasons["phase6a_2M_threshold_1pct, seed 45"] == "failed: RunError: training diverged"
    assert reasons["phase6a_2M_threshold_1pct, seed 46"] == "2 records claim to be it"
    assert reasons["phase6a_2M_threshold_1pct, seed 47"].startswith("trained, but its test split is not opened yet")


def test_nothing_usable_is_said_with_the_command() -> None:
    found = only([record(status="failed", failure="RunError: diverged")])
    assert "run python experiments/phase6a/train_*_threshold_1pct.py" in text(found)
    assert (found["runs"], found["levels"]) == ([], [])


def test_other_questions_data_and_recipes_are_studies_of_their_own() -> None:
    others = [
        record(experiment="phase6a_2M_threshold_1pct_default"),
        record(experiment="phase6b_2M_threshold_1pct_h5", phase="phase6b", horizon=5),
        record(data_sha256="ffff"),
        record(split=SPLIT | {"seed": 43}),
    ]
    assert len(studies(results([record(), record(budget="20M"), *others]))) == 5


def test_training_fractions_are_a_curve_of_their_own() -> None:
    part = [
        unopened([record(seed=seed, loss=0.5 - 0.05 * fraction, train_fraction=fraction)])[0]
        | {"splits": {"training": {"samples": round(4806 * fraction), "positives": 9}}}
        for fraction in (0.25, 0.5)
        for seed in range(42, 45)
    ]
    records = part + [record(seed=seed, loss=0.44) for seed in range(42, 45)]
    assert {run["size"] for run in only(records, axis=PARAMETERS)["runs"]} == {COUNTS["2M"]}
    found = only(records, axis=TRAINING_SAMPLES)
    assert [(level["name"], level["size"]) for level in found["levels"]] == [
        ("0.25", pytest.approx(1202)),
        ("0.5", pytest.approx(2403)),
        ("1", pytest.approx(4806)),
    ]
    assert (found["split"], "findings" in found) == ("validation", False)
    assert "the loss falls as training samples grow" in text(found)


def test_cautions_name_reopened_tests_and_recipes_that_differ() -> None:
    records = simulate(budgets=["2M"])
    records[0] |= {"test_opening": OPENING | {"opening": 3}, "recipe": {"max_epochs": 50}}
    assert "was opened 3 times" in text(only(records))
    assert "The seeds of 2M were trained with different recipes" in text(only(records))


def test_figure_draws_every_seed_and_names_every_baseline() -> None:
    found = only(simulate())
    found["baselines"]["logistic_regression"] = found["baselines"]["gradient_boosting"] - 1e-4  # labels would overlap
    axes = Figure().add_subplot()
    draw_scaling(axes, found, PALETTE)
    (dots,) = [line for line in axes.lines if line.get_label() == "one seed"]
    assert sorted(zip(dots.get_xdata(), dots.get_ydata(), strict=True)) == sorted(
        (run["size"], run["loss"]) for run in found["runs"]
    )
    assert to_hex(str(dots.get_color())) == PALETTE["model"]
    assert {each.get_text() for each in axes.texts} == {
        "base rate",
        "EWMA volatility",
        "logistic regression",
        "gradient boosting",
    }
    (curve,) = [line for line in axes.lines if "N⁻ᵅ" in str(line.get_label())]
    assert (min(curve.get_xdata()), max(curve.get_xdata())) == pytest.approx((COUNTS["2M"], COUNTS["2B"]))
    heights = [each.xyann[1] for each in axes.texts]
    assert np.diff(sorted(heights)).min() > 0.05
    low, high = axes.get_ylim()
    shown = [run["loss"] for run in found["runs"]] + list(BASELINES.values())
    assert low < min(shown) < max(shown) < high
    legend = axes.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 4


@pytest.mark.parametrize("records", [simulate(seeds=[42]), simulate(budgets=["2M"], seeds=[42])])
def test_figure_of_what_is_undefined_draws_only_what_is_known(records: list[dict[str, Any]]) -> None:
    axes = Figure().add_subplot()
    draw_scaling(axes, only(records), PALETTE)
    labels = [line.get_label() for line in axes.lines] + [each.get_label() for each in axes.collections]
    assert "one seed" in labels
    assert not [label for label in labels if "over seeds" in str(label)]
