"""What a trainer is built from: the architecture that meets its budget, the model, and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from runtime.errors import UserError
from runtime.model.architecture import BUDGET_TOLERANCE, Architecture
from runtime.model.patchtst import PatchTST
from runtime.samples.windows import WindowDataset


def make_architecture(fields: Mapping[str, Any], dataset: WindowDataset, budget: int | None) -> Architecture:
    """The architecture for these data, refused when it misses its budget.

    Raises:
        UserError: if the fields are impossible, or the parameter count is not within ±5 % of the budget.
    """
    try:
        architecture = Architecture(num_channels=dataset.num_channels, context_length=dataset.context_length, **fields)
    except (TypeError, ValueError) as error:
        raise UserError(f"architecture {dict(fields)}: {error}") from error
    count = architecture.parameter_count()
    if budget is not None and abs(count - budget) > BUDGET_TOLERANCE * budget:
        raise UserError(
            f"the model has {count:,} parameters, its budget is {budget:,} ± {BUDGET_TOLERANCE:.0%}; "
            "regenerate the script"
        )
    return architecture


def require_two_classes(targets: npt.NDArray[np.float64]) -> None:
    """Refuse training labels, 0.0 or 1.0, that are all equal.

    Raises:
        UserError: if they are.
    """
    if np.unique(targets).size < 2:
        raise UserError(
            f"all {targets.size} training labels are {targets[0]:.0f}: there is nothing to "
            "learn; use a longer horizon, a smaller threshold or a longer history"
        )


def make_model(architecture: Architecture, *, dropout: float, checkpoint_activations: bool, seed: int) -> PatchTST:
    """A fresh model, whose weights the seed alone decides.

    Raises:
        UserError: if activations are to be checkpointed between BatchNorms.
    """
    with torch.random.fork_rng():
        torch.manual_seed(mixed_seed(seed, 0))
        try:
            return PatchTST(architecture, dropout=dropout, checkpoint_activations=checkpoint_activations)
        except ValueError as error:
            raise UserError(str(error)) from error


def make_empty_model(
    architecture: Architecture, *, dropout: float, checkpoint_activations: bool, seed: int
) -> PatchTST:
    """The same without weights and the memory they need, on the meta device."""
    with torch.device("meta"):
        return make_model(architecture, dropout=dropout, checkpoint_activations=checkpoint_activations, seed=seed)


def mixed_seed(seed: int, stream: int, rank: int = 0) -> int:
    """One well-mixed torch seed for each (seed, stream, rank), so that neighbouring ones are unrelated."""
    sequence = np.random.SeedSequence([seed, stream], spawn_key=(rank,) if rank else ())
    return int(sequence.generate_state(1)[0])
