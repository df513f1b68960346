"""The same PatchTST as its peers build it: each a function that takes full training steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.model.architecture import Architecture
from runtime.training.allocator import keep_pages
from tests.benchmarks.setting import BATCH, DROPOUT, LEARNING_RATE, ROWS, STEPS, Runner, make_windows, plain_runner


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


def with_our_allocator(runner: Runner) -> Runner:
    """The same in a process that keeps its pages, as ours does, to tell what the model's own code is worth."""
    keep_pages()
    return runner


def neuralforecast_module(a: Architecture) -> Runner:
    """neuralforecast's backbone; its forecasts of one step, one a channel, are averaged to a logit.

    It takes ``norm`` and builds BatchNorm whatever it is; where LayerNorm is asked for, we put it there.
    """
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
    align_neuralforecast(model, layer_norm=a.norm == "layer")
    windows, labels = make_windows()

    def logits(batch: Tensor) -> Tensor:
        series = batch.mT if interleaved == 1 else batch.reshape(len(batch), 1, -1)
        answer: Tensor = model(series)
        return answer.mean(dim=(1, 2))

    return plain_runner(model, logits, windows, labels)


def align_neuralforecast(model: Any, *, layer_norm: bool) -> None:
    """Take away the dropout that only its attention has, and give it the norm it was asked for."""
    for layer in model.backbone.encoder.layers:
        layer.self_attn.to_out[1].p = 0.0
        if layer_norm:
            d_model = layer.self_attn.to_out[0].out_features
            layer.norm_attn, layer.norm_ffn = nn.LayerNorm(d_model), nn.LayerNorm(d_model)


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
        optimizer_kwargs={"fused": True},
        gradient_clip_val=1.0,
        max_steps=STEPS[a.channels],
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
    )
    align_neuralforecast(model.model, layer_norm=False)
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
    layer.self_attn.dropout = 0.0
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
        tokens = encoder(functional.dropout(embedding(patches) + positions, DROPOUT))
        answer: Tensor = head(tokens.reshape(len(batch), -1)).squeeze(-1)
        return answer

    return plain_runner(model, logits, windows, labels)


PEERS: dict[str, Callable[[Architecture], Runner]] = {
    "Hugging Face, SDPA": lambda a: hugging_face(a, "sdpa"),
    "Hugging Face, pages kept": lambda a: with_our_allocator(hugging_face(a, "sdpa")),
    "Hugging Face, eager": lambda a: hugging_face(a, "eager"),
    "neuralforecast, module": neuralforecast_module,
    "neuralforecast, its loop": neuralforecast_training,
    "nn.TransformerEncoder": plain_pytorch,
}
