"""The independent form agrees with Hugging Face's PatchTSTForClassification, built without any download.

Every parameter and buffer is random, so that no zero bias and no untouched running statistic hides a difference.
A model that mixes channels is the same model over one interleaved channel, and is compared as such.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import PatchTSTConfig, PatchTSTForClassification

from runtime.model.architecture import Architecture
from runtime.model.layers import sincos_positions
from runtime.model.patchtst import PatchTST

BASE = Architecture(
    num_channels=3,
    context_length=23,
    patch_length=6,
    stride=3,
    d_model=8,
    num_heads=2,
    num_layers=3,
    d_ff=12,
    channels="independent",
    norm="batch",
    norm_first=False,
    positions="learned",
    residual_attention=False,
    pooling="mean",
    instance_norm=True,
    last_row=False,
)
OPTIONS = [
    replace(BASE, channels=channels, norm=norm, norm_first=norm_first, pooling=pooling, instance_norm=instance_norm)
    for channels, norm, norm_first, pooling, instance_norm in product(
        ["independent", "mixing"], ["batch", "layer"], [False, True], ["mean", "max", "flatten"], [False, True]
    )
    if channels == "independent" or not instance_norm  # an interleaved channel has one mean, not one a channel
]


def build_reference(a: Architecture) -> Any:
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
        positional_encoding_type={"learned": "random", "sincos": "sincos"}[a.positions],
        scaling="std" if a.instance_norm else None,
        pooling_type="mean" if a.pooling == "flatten" else a.pooling,
        num_targets=2,
    )
    config._attn_implementation = "eager"  # plain products, where ours has the fused kernel
    reference: Any = PatchTSTForClassification(config)
    if a.pooling == "flatten":  # which their classification head lacks
        reference.head = nn.Sequential(nn.Flatten(), nn.Linear(a.head_size, 2))
    return randomise(reference.double())


def randomise(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0, generator=generator)
            else:
                tensor.normal_(std=0.5, generator=generator)
    return model


RENAMED = {
    "model.encoder.": "",
    "embedder.input_embedding": "embedding",
    "positional_encoder.position_enc": "positions",
    "self_attn.q_proj": "attention.qkv",
    "self_attn.out_proj": "attention.output",
    ".batchnorm": "",
    "norm_sublayer1": "attention_norm",
    "norm_sublayer3": "feed_forward_norm",
    "ff.0": "feed_forward.hidden",
    "ff.3": "feed_forward.output",
    "head.linear": "head",
    "head.1": "head",
}


def translate(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give their parameters and buffers our names and shapes; our one logit is the difference of their two."""
    ours = {}
    for name, tensor in theirs.items():
        our_name = name
        for their_part, our_part in RENAMED.items():
            our_name = our_name.replace(their_part, our_part)
        if ".q_proj." in name:
            ours[our_name] = torch.cat([theirs[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"])
        elif name.startswith("head."):
            ours[our_name] = tensor[1:] - tensor[:1]
        elif ".k_proj." not in name and ".v_proj." not in name:
            ours[our_name] = tensor
    return ours


def build_pair(architecture: Architecture) -> tuple[Any, PatchTST]:
    reference, model = build_reference(architecture), PatchTST(architecture).double()
    model.load_state_dict(translate(reference.state_dict()))
    return reference, model


def assert_agreement(reference: Any, model: PatchTST, samples: int = 5) -> None:
    """Compare logits in evaluation and training, the loss, all gradients, and what a training step leaves behind."""
    generator = torch.Generator().manual_seed(1)
    windows = 3 + 2 * torch.randn(samples, 23, 3, generator=generator, dtype=torch.float64)
    labels = torch.arange(samples) % 3 % 2
    their_windows = windows if model.architecture.channels == "independent" else windows.flatten(1).unsqueeze(-1)
    for training in (False, True):
        theirs = reference.train(training)(past_values=their_windows, target_values=labels)
        logits = model.train(training)(windows)
        assert_close({"logits": logits}, {"logits": theirs.prediction_logits.diff(dim=1).squeeze(1)})
    loss = F.binary_cross_entropy_with_logits(logits, labels.double())
    assert_close({"loss": loss}, {"loss": theirs.loss})
    torch.autograd.backward(loss)
    theirs.loss.backward()
    expected = translate(gradients(reference))
    for name in ("head.weight", "head.bias"):
        expected[name] = expected[name] / 2  # each of their two logits moves by as much as our one
    assert_close(gradients(model), expected)
    assert_close(model.state_dict(), translate(reference.state_dict()))


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad and p.grad is not None}


def assert_close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def describe(a: Architecture) -> str:
    order = "first" if a.norm_first else "after"
    return f"{a.channels}-{a.norm}-{order}-{a.pooling}-{'instance' if a.instance_norm else 'raw'}"


@pytest.mark.parametrize("samples", [5, 64], ids=["fused", "few-tokens"])
@pytest.mark.parametrize("architecture", OPTIONS, ids=describe)
def test_agrees_with_the_reference(architecture: Architecture, samples: int) -> None:
    """Few sequences go through the fused kernel, many through `runtime.model.few_tokens`."""
    reference, model = build_pair(architecture)
    assert_agreement(reference, model, samples)
    assert len(gradients(model)) == len(list(model.parameters()))


def test_agrees_with_fixed_positions() -> None:
    architecture = replace(BASE, positions="sincos")
    reference, model = build_pair(architecture)
    assert_agreement(reference, model)
    assert not isinstance(model.positions, nn.Parameter)


def test_fixed_positions_are_the_published_ones() -> None:
    config = PatchTSTConfig(context_length=24, patch_length=4, patch_stride=4, d_model=16)
    published = PatchTSTForClassification(config).model.encoder.positional_encoder.position_enc
    torch.testing.assert_close(sincos_positions(6, 16).float(), published.data, rtol=0, atol=1e-6)


def swap_queries_and_keys(weights: dict[str, Tensor]) -> None:
    queries, keys, values = weights["layers.1.attention.qkv.weight"].chunk(3)
    weights["layers.1.attention.qkv.weight"] = torch.cat([keys, queries, values])


def transpose_attention_heads(weights: dict[str, Tensor]) -> None:
    weight = weights["layers.0.attention.output.weight"]
    weights["layers.0.attention.output.weight"] = weight.view(8, 2, 4).transpose(1, 2).reshape(8, 8)


def transpose_head(weights: dict[str, Tensor]) -> None:
    weights["head.weight"] = weights["head.weight"].view(3, 8).T.reshape(1, 24)


def swap_norms(weights: dict[str, Tensor]) -> None:
    first, second = "layers.2.attention_norm.running_var", "layers.2.feed_forward_norm.running_var"
    weights[first], weights[second] = weights[second], weights[first]


def reverse_patches(weights: dict[str, Tensor]) -> None:
    weights["embedding.weight"] = weights["embedding.weight"].flip(1)


def negate_logit(weights: dict[str, Tensor]) -> None:
    weights["head.weight"] = -weights["head.weight"]


@pytest.mark.parametrize(
    "spoil",
    [swap_queries_and_keys, transpose_attention_heads, transpose_head, swap_norms, reverse_patches, negate_logit],
)
def test_a_wrong_mapping_is_noticed(spoil: Callable[[dict[str, Tensor]], None]) -> None:
    reference, model = build_pair(BASE)
    weights = dict(model.state_dict())
    spoil(weights)
    model.load_state_dict(weights)
    with pytest.raises(AssertionError, match="logits"):
        assert_agreement(reference, model)
