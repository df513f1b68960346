"""Each sign of scarce data fires on a made case, not on a clean one, and is undefined where it cannot be judged."""

import pytest

from runtime.scaling.rules import (
    Sign,
    baseline_not_beaten,
    early_best_epoch,
    more_parameters_than_scalars,
    no_better_than_constant,
    only_training_improves,
)

FALLS, FLAT = {"p_value": 0.001}, {"p_value": 0.4}
UNKNOWN = {"p_value": None, "undefined": {"p_value": "seeds with two sizes or more: 1; a trend needs 2"}}

CASES = {
    "constant": (no_better_than_constant({"chosen": "constant"}), True),
    "power law": (no_better_than_constant({"chosen": "power_law"}), False),
    "no form": (no_better_than_constant({"chosen": None, "undefined": {"chosen": "too few"}}), None),
    "only training": (only_training_improves(FALLS, FLAT, "test"), True),
    "both": (only_training_improves(FALLS, FALLS, "test"), False),
    "neither": (only_training_improves(FLAT, FLAT, "test"), False),
    "one seed": (only_training_improves(FALLS, UNKNOWN, "test"), None),
    "large": (more_parameters_than_scalars({"2M": 0.4, "20M": 1.01}), True),
    "small": (more_parameters_than_scalars({"2M": 0.4, "20M": 1.0}), False),
    "early": (early_best_epoch({"2M": 9, "20M": 5}, 30), True),
    "late": (early_best_epoch({"2M": 9, "20M": 5.5}, 30), False),
    "short schedule": (early_best_epoch({"2M": 3}, 5), None),
    "not beaten": (baseline_not_beaten("logistic regression", {"2M": [-0.1, 0.0], "20M": None}), True),
    "worse": (baseline_not_beaten("logistic regression", {"2M": [0.1, 0.2]}), True),
    "beaten": (baseline_not_beaten("logistic regression", {"2M": [-0.1, 0.1], "20M": [-0.2, -0.1]}), False),
    "no chunks": (baseline_not_beaten("logistic regression", {"2M": None}), None),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    finding, fired = CASES[case]
    assert finding.fired is fired
    assert finding.words


def test_words_name_what_fired() -> None:
    finding = more_parameters_than_scalars({"2M": 0.4, "20M": 144.3})
    assert finding == Sign("more_parameters_than_scalars", True, "parameters per training scalar are 144.3 at 20M")
    assert UNKNOWN["undefined"]["p_value"] == only_training_improves(UNKNOWN, FLAT, "test").words  # type: ignore[index]
