"""Whether a larger model adds more is asked of the combination, beside whether it is better, and never invented."""

from typing import Any

import numpy as np
import pytest

from runtime.scaling import studies, summary
from tests.helpers.scaling_records import COUNTS, flat, results, simulate, unopened


def only(records: list[dict[str, Any]]) -> dict[str, Any]:
    (study,) = studies(results(records))
    return summary(study)


def text(found: dict[str, Any]) -> str:
    return "\n".join(found["sentences"])


def test_models_that_add_more_the_larger_they_are_are_found() -> None:
    found = only(simulate())
    addition = found["addition"]
    assert addition["rival"] == "logistic_regression"
    assert addition["trend"]["p_value"] < 0.001
    assert [each["name"] for each in addition["levels"]] == list(COUNTS)
    assert np.all(np.diff([each["gain"] for each in addition["levels"]]) < 0)
    assert "what a model adds to logistic regression grows with parameters (one-sided p =" in text(found)


def test_gain_of_a_size_is_the_mean_of_its_seeds_with_an_interval_over_chunks() -> None:
    records = simulate(budgets=["2M"])
    (level,) = only(records)["addition"]["levels"]
    gains = [each["addition"]["test"]["minus_rival"]["combination"]["difference"] for each in records]
    assert level["gain"] == pytest.approx(np.mean(gains))
    assert level["gain_interval"][0] < level["gain"] < level["gain_interval"][1]


def test_models_that_add_the_same_at_every_size_are_not_said_to_add_more() -> None:
    found = only(simulate(flat))
    assert found["addition"]["trend"]["p_value"] > 0.05
    assert "what a model adds to logistic regression cannot be shown to grow" in text(found)


def test_it_may_be_asked_where_no_model_is_better() -> None:
    """Losses that are the same at every size, and combinations that are not."""
    records = simulate(flat, noise=0)
    for each in records:
        gain = each["addition"]["test"]["minus_rival"]["combination"]
        gain["per_chunk"] = [float(value - 0.001 * np.log10(COUNTS[each["budget"]])) for value in gain["per_chunk"]]
        gain["difference"] = float(np.mean(gain["per_chunk"]))
    found = only(records)
    assert found["trend"]["p_value"] > 0.05
    assert found["addition"]["trend"]["p_value"] < 0.001
    assert found["addition"]["trend"]["slope"] == pytest.approx(-0.001)


def test_split_of_the_gain_is_that_of_the_study() -> None:
    found = only(unopened(simulate(budgets=["2M"])))
    records = simulate(budgets=["2M"])
    gains = [each["addition"]["validation"]["minus_rival"]["combination"]["difference"] for each in records]
    assert found["split"] == "validation"
    assert found["addition"]["levels"][0]["gain"] == pytest.approx(np.mean(gains))


def test_records_of_before_are_read_and_the_answer_is_undefined() -> None:
    records = simulate()
    del records[3]["addition"]
    found = only(records)
    reason = "1 of 20 trainings do not record it; train them again"
    assert found["addition"]["undefined"] == dict.fromkeys(("rival", "levels", "trend", "chunk_trend"), reason)
    assert f"Whether more parameters add more to the best rival is undefined: {reason}." in found["sentences"]
    assert found["trend"]["p_value"] < 0.05, "what else there is stays"


def test_additions_to_different_rivals_are_not_compared() -> None:
    records = simulate()
    records[0]["addition"]["rival"] = "gradient_boosting"
    assert "the best rivals differ (gradient_boosting, logistic_regression)" in text(only(records))
