"""The closed form equals the built model, and every architecture that a search may draw meets its budget."""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.model.architecture import BUDGET_TOLERANCE, Architecture, solve_d_ff
from runtime.model.patchtst import PatchTST
from tests.helpers.questions import BUDGETS

ROOT = Path(__file__).parents[3]
FIELDS: dict[str, Any] = {
    "num_channels": 28,
    "context_length": 60,
    "patch_length": 10,
    "stride": 10,
    "d_model": 128,
    "num_heads": 8,
    "num_layers": 8,
    "channels": "mixing",
    "norm": "layer",
    "norm_first": True,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": False,
}


def built_count(architecture: Architecture) -> int:
    with torch.device("meta"):
        return PatchTST(architecture).parameter_count()


def read_budget(budget: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "model" / f"patchtst_{budget}.yaml").read_text())
    return config


CANDIDATES = [
    pytest.param(budget, {**config["patchtst"], **candidate}, id=f"{budget}-{name}")
    for budget in BUDGETS
    for config in [read_budget(budget)]
    for name, candidate in config["architectures"].items()
]


@pytest.mark.parametrize("budget", BUDGETS)
def test_each_budget_has_a_file_with_a_default(budget: str) -> None:
    config = read_budget(budget)
    assert config["parameters"] == BUDGETS[budget]
    assert config["default"] in config["architectures"]
    assert 3 <= len(config["architectures"]) <= 5


@pytest.mark.parametrize(("budget", "fields"), CANDIDATES)
def test_candidates_meet_their_budget_for_any_number_of_channels(budget: str, fields: dict[str, Any]) -> None:
    for num_channels in range(20, 41):
        architecture = solve_d_ff(BUDGETS[budget], num_channels=num_channels, context_length=60, **fields)
        assert abs(architecture.parameter_count() / BUDGETS[budget] - 1) <= BUDGET_TOLERANCE
        assert 1 <= architecture.d_ff / architecture.d_model <= 6
        assert 16 <= architecture.d_model / architecture.num_heads <= 128


@pytest.mark.parametrize(("budget", "fields"), CANDIDATES)
@pytest.mark.parametrize("channels", ["mixing", "independent"])
def test_candidates_count_as_built(budget: str, fields: dict[str, Any], channels: str) -> None:
    fields = {**fields, "channels": channels}
    architecture = solve_d_ff(BUDGETS[budget], num_channels=28, context_length=60, **fields)
    assert built_count(architecture) == architecture.parameter_count()


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    context_length = draw(st.integers(1, 24))
    patch_length = draw(st.integers(1, context_length))
    num_heads = draw(st.integers(1, 3))
    return Architecture(
        num_channels=draw(st.integers(1, 5)),
        context_length=context_length,
        patch_length=patch_length,
        stride=draw(st.integers(1, patch_length)),
        d_model=num_heads * 2 * draw(st.integers(1, 4)),
        num_heads=num_heads,
        num_layers=draw(st.integers(1, 3)),
        d_ff=draw(st.integers(1, 20)),
        channels=draw(st.sampled_from(["mixing", "independent"])),
        norm=draw(st.sampled_from(["layer", "batch"])),
        norm_first=draw(st.booleans()),
        positions=draw(st.sampled_from(["learned", "sincos"])),
        residual_attention=draw(st.booleans()),
        pooling=draw(st.sampled_from(["flatten", "mean", "max"])),
        instance_norm=draw(st.booleans()),
        last_row=draw(st.booleans()),
    )


@given(architectures())
@settings(max_examples=60, deadline=None)
def test_closed_form_equals_the_built_model(architecture: Architecture) -> None:
    model = PatchTST(architecture)
    assert model.parameter_count() == architecture.parameter_count()
    logits = model(torch.randn(3, architecture.context_length, architecture.num_channels))
    assert logits.shape == (3,)
    assert logits.isfinite().all()


@given(st.integers(1_000_000, 30_000_000))
@settings(max_examples=50, deadline=None)
def test_solved_width_is_the_nearest_multiple_of_32(budget: int) -> None:
    try:
        solved = solve_d_ff(budget, **FIELDS)
    except ValueError:
        assert Architecture(**FIELDS, d_ff=32).parameter_count() > budget * (1 - BUDGET_TOLERANCE)
        return
    assert solved.d_ff % 32 == 0
    distance = abs(solved.parameter_count() - budget)
    for d_ff in {max(32, solved.d_ff - 32), solved.d_ff + 32}:
        assert distance <= abs(replace(solved, d_ff=d_ff).parameter_count() - budget)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"d_model": 1024}, "The least possible is"),
        ({"d_model": 384, "num_heads": 8, "num_layers": 3}, "The least possible is"),
    ],
)
def test_an_unreachable_budget_names_the_limit(changes: dict[str, int], limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        solve_d_ff(1_500_000, **{**FIELDS, **changes})


def test_steps_too_coarse_for_the_budget_are_refused() -> None:
    coarse = {**FIELDS, "d_model": 16, "num_heads": 1, "num_layers": 64, "num_channels": 1}
    between = Architecture(**coarse, d_ff=32).parameter_count() + 32 * 64 * 33 // 2
    with pytest.raises(ValueError, match=r"a step of d_ff adds 67,584"):
        solve_d_ff(between, **coarse)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_layers": 0}, "num_layers: 0 was given; allowed is an integer of at least 1"),
        ({"d_ff": True}, "d_ff: True was given; allowed is an integer of at least 1"),
        ({"d_ff": 64.0}, "d_ff: 64.0 was given; allowed is an integer of at least 1"),
        ({"norm_first": 1}, "norm_first: 1 was given; allowed is true or false"),
        ({"norm": "rms"}, "norm: 'rms' was given; allowed is 'layer' or 'batch'"),
        ({"channels": None}, "channels: None was given; allowed is 'mixing' or 'independent'"),
        ({"num_heads": 7}, "d_model: 128 was given; allowed is a multiple of num_heads=7"),
        ({"stride": 11}, "stride: 11 was given; allowed is at most patch_length=10"),
        ({"patch_length": 61}, "patch_length: 61 was given; allowed is at most context_length=60"),
        ({"positions": "sincos", "d_model": 9, "num_heads": 3}, "d_model: 9 was given; allowed is an even number"),
    ],
)
def test_what_is_not_allowed_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Architecture(**{**FIELDS, "d_ff": 64, **changes})


def test_an_architecture_survives_a_dictionary() -> None:
    architecture = Architecture(**FIELDS, d_ff=64)
    assert Architecture(**asdict(architecture)) == architecture


def test_the_closed_form_needs_neither_torch_nor_numpy() -> None:
    program = "import sys, runtime.model.architecture; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
