"""The same PatchTST, as ours and as its peers build it: each a function that takes full training steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.architecture import Architecture, solve_d_ff
from runtime.recipe import Recipe
from runtime.splits import SplitIndices
from runtime.trainer import Trainer
from runtime.windows import WindowDataset

BATCH, CONTEXT, CHANNELS, ROWS = 64, 60, 28, 4_000
DROPOUT = 0.2
LEARNING_RATE = 1e-4

_SHARED = {
    "num_channels": CHANNELS,
    "context_length": CONTEXT,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": False,
    "patch_length": 10,
    "stride": 10,
}
ARCHITECTURES = {
    "independent": solve_d_ff(  # the published form and widths, deep enough for the budget: d_ff comes out as 256
        2_000_000,
        d_model=128,
        num_heads=16,
        num_layers=15,
        channels="independent",
        norm="batch",
        norm_first=False,
        **_SHARED,
    ),
    "mixing": solve_d_ff(  # a candidate of the 2M budget, without the path that peers lack
        2_000_000, d_model=128, num_heads=8, num_layers=8, channels="mixing", norm="layer", norm_first=True, **_SHARED
    ),
}


@dataclass(frozen=True)
class Runner:
    """Takes training steps of ``BATCH`` samples; ``take_steps(n)`` returns when all n are done."""

    parameters: int
    take_steps: Callable[[int], object]


def make_windows() -> tuple[Tensor, Tensor]:
    """Random windows (samples, context, channels) and labels (samples,); what they hold does not matter for speed."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(ROWS, CHANNELS, generator=generator)
    windows = values.unfold(0, CONTEXT, 1).transpose(1, 2)
    return windows, torch.rand(len(windows), generator=generator).round()


def ours(a: Architecture) -> Runner:
    """Our trainer's own step: gathers the batch, trains, clips, schedules."""
    generator = np.random.default_rng(0)
    dataset = WindowDataset(
        generator.standard_normal((ROWS, CHANNELS)).astype(np.float32), generator.integers(0, 2, ROWS) * 1.0, CONTEXT
    )
    starts = np.arange(ROWS - CONTEXT - 600)
    chunks = tuple((start, start + CONTEXT + 1) for start in range(ROWS - 2 * (CONTEXT + 1), ROWS, CONTEXT + 1))
    held_out = [np.array([start]) for start, _ in chunks]
    splits = SplitIndices(starts, *held_out, CONTEXT + 1, chunks[:1], chunks[1:])
    fields = {name: value for name, value in vars(a).items() if name not in ("num_channels", "context_length")}
    recipe = Recipe(
        learning_rate=LEARNING_RATE,
        weight_decay=0.01,
        dropout=DROPOUT,
        batch_size=BATCH,
        max_epochs=1,
        patience=1,
        warmup_fraction=0.1,
        gradient_clip=1.0,
    )
    trainer = Trainer(dataset, split_indices=splits, architecture=fields, recipe=recipe, seed=0)
    order = torch.from_numpy(generator.permutation(starts))

    def take_steps(count: int) -> None:
        trainer.model.train()
        for step in range(count):
            begin = step * BATCH % (len(order) - BATCH)
            trainer._train_step(order[begin : begin + BATCH], step)

    return Runner(trainer.model.parameter_count(), take_steps)


def hugging_face(a: Architecture, attention: str) -> Runner:
    """Hugging Face's ``PatchTSTForClassification``; one interleaved channel where ours mixes them."""
    from transformers import PatchTSTConfig, PatchTSTForClassification

    interleaved = a.num_channels if a.channels == "mixing" else 1
    config = PatchTSTConfig(
        num_input_channels=a.num_channels // interleaved,
        context_length=a.context_length * interleaved,
        patch_length=a.patch_length * interleaved,
        patch_stride=a.stride * interleaved,
        d_model=a.d_model,
        num_attention_heads=a.num_heads,
        num_hidden_layers=a.num_layers,
        ffn_dim=a.d_ff,
        norm_type={"batch": "batchnorm", "layer": "layernorm"}[a.norm],
        pre_norm=a.norm_first,
        positional_encoding_type="random",
        positional_dropout=DROPOUT,
        path_dropout=DROPOUT,
        ff_dropout=DROPOUT,
        attention_dropout=0.0,
        scaling=None,
        num_targets=2,
    )
    config._attn_implementation = attention
    model: Any = PatchTSTForClassification(config)
    model.head = nn.Sequential(nn.Flatten(), nn.Linear(a.head_size, 2))  # theirs pools; ours reads every token
    windows, labels = make_windows()

    def logits(batch: Tensor) -> Tensor:
        answer: Tensor = model(past_values=batch.reshape(len(batch), -1, config.num_input_channels)).prediction_logits
        return answer[:, 1] - answer[:, 0]

    return plain_runner(model, logits, windows, labels)


def neuralforecast_module(a: Architecture) -> Runner:
    """neuralforecast's backbone; its forecasts of one step, one a channel, are averaged to a logit."""
    from neuralforecast.models.patchtst import PatchTST_backbone

    interleaved = a.num_channels if a.channels == "mixing" else 1
    model: Any = PatchTST_backbone(
        c_in=a.num_channels // interleaved,
        c_out=1,
        input_size=a.context_length * interleaved,
        h=1,
        patch_len=a.patch_length * interleaved,
        stride=a.stride * interleaved,
        n_layers=a.num_layers,
        hidden_size=a.d_model,
        n_heads=a.num_heads,
        linear_hidden_size=a.d_ff,
        norm={"batch": "BatchNorm", "layer": "LayerNorm"}[a.norm],
        dropout=DROPOUT,
        pre_norm=a.norm_first,
        res_attention=False,
        revin=False,
    )
    windows, labels = make_windows()

    def logits(batch: Tensor) -> Tensor:
        series = batch.mT if interleaved == 1 else batch.reshape(len(batch), 1, -1)
        answer: Tensor = model(series)
        return answer.mean(dim=(1, 2))

    return plain_runner(model, logits, windows, labels)


def plain_pytorch(a: Architecture) -> Runner:
    """``nn.TransformerEncoder`` as a tutorial would write it; it has no BatchNorm, so LayerNorm stands in."""
    layer = nn.TransformerEncoderLayer(
        a.d_model, a.num_heads, a.d_ff, DROPOUT, "gelu", batch_first=True, norm_first=a.norm_first
    )
    encoder = nn.TransformerEncoder(layer, a.num_layers, enable_nested_tensor=False)
    embedding, head = nn.Linear(a.patch_size, a.d_model), nn.Linear(a.head_size, 1)
    positions = nn.Parameter(torch.randn(a.num_patches, a.d_model) * 0.02)
    model = nn.ModuleDict({"embedding": embedding, "encoder": encoder, "head": head})
    model.register_parameter("positions", positions)
    windows, labels = make_windows()

    def logits(batch: Tensor) -> Tensor:
        if a.channels == "mixing":
            patches = batch.reshape(len(batch), a.num_patches, a.patch_size)
        else:
            patches = batch.mT.reshape(-1, a.num_patches, a.patch_size)
        tokens = encoder(embedding(patches) + positions)
        answer: Tensor = head(tokens.reshape(len(batch), -1)).squeeze(-1)
        return answer

    return plain_runner(model, logits, windows, labels)


def plain_runner(model: nn.Module, logits: Callable[[Tensor], Tensor], windows: Tensor, labels: Tensor) -> Runner:
    """The usual loop: a shuffling ``DataLoader``, cross-entropy, AdamW."""
    dataset = torch.utils.data.TensorDataset(windows, labels)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)

    def take_steps(count: int) -> None:
        model.train()
        done = 0
        while done < count:
            for batch, targets in loader:
                loss = functional.binary_cross_entropy_with_logits(logits(batch), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                done += 1
                if done == count:
                    break

    return Runner(sum(parameter.numel() for parameter in model.parameters()), take_steps)


PEERS: dict[str, Callable[[Architecture], Runner]] = {
    "ours": ours,
    "Hugging Face, SDPA": lambda a: hugging_face(a, "sdpa"),
    "Hugging Face, eager": lambda a: hugging_face(a, "eager"),
    "neuralforecast, module": neuralforecast_module,
    "nn.TransformerEncoder": plain_pytorch,
}
