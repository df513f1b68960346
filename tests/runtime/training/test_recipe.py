"""The learning-rate schedule against its formula, and every value that a recipe refuses."""

import math
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from tests.helpers.tiny import make_recipe

INFINITY, NAN = math.inf, math.nan


@given(total=st.integers(10, 1000), warmup_fraction=st.floats(0, 0.9), data=st.data())
@settings(max_examples=100, deadline=None)
def test_schedule_is_a_linear_rise_then_half_a_cosine(total: int, warmup_fraction: float, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, total))
    recipe = make_recipe(learning_rate=0.3, warmup_fraction=warmup_fraction)
    warmup = round(warmup_fraction * total)
    linear = 0.3 * (step + 1) / warmup if warmup else math.inf
    cosine = 0.3 * math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2
    assert recipe.learning_rate_at(step, total) == pytest.approx(linear if step < warmup else cosine, abs=1e-12)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.02), (4, 0.1), (9, 0.2), (10, 0.2), (40, 0.15), (55, 0.1), (70, 0.05), (100, 0.0)]
)
def test_schedule_at_steps_worked_out_by_hand(step: int, rate: float) -> None:
    recipe = make_recipe(learning_rate=0.2, warmup_fraction=0.1)
    assert recipe.learning_rate_at(step, total_steps=100) == pytest.approx(rate, abs=1e-15)


def test_schedule_without_warm_up_begins_at_the_peak() -> None:
    assert make_recipe(learning_rate=0.2, warmup_fraction=0.0).learning_rate_at(0, total_steps=100) == 0.2


BAD: dict[str, tuple[Any, ...]] = {
    "learning_rate": (0.0, -0.1, INFINITY, NAN),
    "weight_decay": (-0.1, INFINITY, NAN),
    "dropout": (-0.1, 1.0, NAN),
    "batch_size": (0, -1, 32.0, True),
    "max_epochs": (0, -1, 2.5, True),
    "patience": (0, -1, 2.5, True),
    "warmup_fraction": (-0.1, 1.0, NAN),
    "gradient_clip": (0.0, -1.0, INFINITY, NAN),
    "validate_every": (0, -1, 2.5, True),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_value_is_refused_with_its_name_and_the_rule(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name} {value!r}: allowed is "):
        make_recipe(**{name: value})


def test_no_field_goes_unchecked() -> None:
    assert set(BAD) == set(asdict(make_recipe()))


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight_decay", 0.0), ("dropout", 0.0), ("warmup_fraction", 0.0), ("batch_size", 1), ("max_epochs", 1)],
)
def test_value_on_the_edge_is_allowed(name: str, value: float) -> None:
    assert asdict(make_recipe(**{name: value}))[name] == value
