"""The same PatchTST as its peers build it: each a function that takes full training steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.architecture import Architecture, solve_d_ff

BATCH, CONTEXT, CHANNELS, ROWS = 64, 60, 28, 4_000
STEPS = {"independent": 6, "mixing": 40}
"""Steps of a round, and of an epoch where a whole one is measured."""
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


def neuralforecast_training(a: Architecture) -> Runner:
    """neuralforecast's own training: its windows, its Lightning loop; each channel is a series.

    It forecasts one value of each series instead of one logit a sample, and pads the end, so that 10 rows less give as
    many patches. As many windows make a batch as there are sequences in one of the others.
    """
    import pandas as pd
    from neuralforecast.models import PatchTST
    from neuralforecast.tsdataset import TimeSeriesDataset

    model: Any = PatchTST(
        h=1,
        input_size=a.context_length - a.stride,
        encoder_layers=a.num_layers,
        n_heads=a.num_heads,
        hidden_size=a.d_model,
        linear_hidden_size=a.d_ff,
        dropout=DROPOUT,
        patch_len=a.patch_length,
        stride=a.stride,
        revin=False,
        res_attention=False,
        batch_normalization=a.norm_first,  # their name for it; the norm is BatchNorm in any case
        learning_rate=LEARNING_RATE,
        batch_size=a.num_channels,
        windows_batch_size=BATCH * a.num_channels,
        optimizer=torch.optim.AdamW,
        max_steps=STEPS[a.channels],
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
    )
    values = np.random.default_rng(0).standard_normal((a.num_channels, ROWS))
    series = [pd.DataFrame({"unique_id": k, "ds": np.arange(ROWS), "y": each}) for k, each in enumerate(values)]
    dataset, *_ = TimeSeriesDataset.from_df(pd.concat(series))

    def take_steps(count: int) -> None:
        model.trainer_kwargs["max_steps"] = model.max_steps = count
        model.fit(dataset)

    return Runner(sum(parameter.numel() for parameter in model.parameters()), take_steps)


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
    "Hugging Face, SDPA": lambda a: hugging_face(a, "sdpa"),
    "Hugging Face, eager": lambda a: hugging_face(a, "eager"),
    "neuralforecast, module": neuralforecast_module,
    "neuralforecast, its loop": neuralforecast_training,
    "nn.TransformerEncoder": plain_pytorch,
}
