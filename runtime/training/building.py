"""What a trainer is built from: the architecture that meets its budget, the model, the optimiser, and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from runtime.errors import UserError
from runtime.model.architecture import BUDGET_TOLERANCE, Architecture
from runtime.model.patchtst import PatchTST
from runtime.samples.windows import WindowDataset
from runtime.training.recipe import Recipe


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


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices, not biases, norms or other vectors."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def mixed_seed(seed: int, stream: int) -> int:
    """One well-mixed torch seed for each (seed, stream), so that neighbouring seeds are unrelated."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])
