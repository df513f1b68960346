"""AdamW, and its learning rate."""

from __future__ import annotations

import torch

from runtime.training.recipe import Recipe


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices, not biases, norms or other vectors."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def place_learning_rate(optimizer: torch.optim.Optimizer, device: torch.device, *, recorded: bool) -> None:
    """Keep the learning rate where steps read it: in a GPU's memory, so that a recorded step sees it change.

    Args:
        optimizer: new, or loaded.
        device: of its parameters.
        recorded: whether steps may be; shares of a model take no tensor for a rate.
    """
    for group in optimizer.param_groups:
        rate, placed = float(group["lr"]), recorded and device.type == "cuda"
        group["lr"] = torch.tensor(rate, device=device) if placed else rate
        group["capturable"] = placed


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step take this learning rate."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
