"""What PatchTST computes, against references written the slow and obvious way."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST

SMALL: dict[str, Any] = {
    "num_channels": 3,
    "context_length": 23,
    "patch_length": 6,
    "stride": 3,
    "d_model": 12,
    "num_heads": 3,
    "num_layers": 3,
    "d_ff": 20,
    "channels": "mixing",
    "norm": "layer",
    "norm_first": True,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": False,
}


def build(*, dropouts: dict[str, Any] | None = None, **changes: Any) -> PatchTST:
    """Build a small float64 model whose every parameter is random and large enough to matter."""
    torch.manual_seed(0)
    model = PatchTST(Architecture(**{**SMALL, **changes}), **(dropouts or {})).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4)
    return model


def random_windows(batch: int = 4) -> Tensor:
    return torch.randn(batch, 23, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def naive_logit(model: Any, window: Tensor) -> Tensor:
    """Compute one logit of a pre-norm LayerNorm model, one token, head and pair of tokens at a time."""
    a = model.architecture
    ends = range(a.context_length, a.patch_length - 1, -a.stride)
    patches = [window[end - a.patch_length : end] for end in reversed(ends)]
    if a.channels == "mixing":
        sequences = [[torch.cat(list(patch)) for patch in patches]]
    else:
        sequences = [[patch[:, channel] for patch in patches] for channel in range(a.num_channels)]
    pooled = []
    for sequence in sequences:
        tokens = [
            model.embedding.weight @ p + model.embedding.bias + e
            for p, e in zip(sequence, model.positions, strict=True)
        ]
        scores = None
        for layer in model.layers:
            mixed, scores = naive_attention(layer.attention, [layer.attention_norm(t) for t in tokens], scores)
            tokens = [t + m for t, m in zip(tokens, mixed, strict=True)]
            tokens = [t + naive_feed_forward(layer.feed_forward, layer.feed_forward_norm(t)) for t in tokens]
        pooled += {"flatten": tokens, "mean": [sum(tokens) / len(tokens)]}[a.pooling]
    logit: Tensor = model.head.weight[0] @ torch.cat(pooled) + model.head.bias[0]
    return logit + sum(w * x for w, x in zip(model.last_row, window[-1], strict=True)) if a.last_row else logit


def naive_attention(attention: Any, tokens: list[Tensor], previous: Any) -> tuple[list[Tensor], Any]:
    d_model, num_heads = len(tokens[0]), attention.num_heads
    width = d_model // num_heads
    projected = [attention.qkv.weight @ t + attention.qkv.bias for t in tokens]
    scores: dict[tuple[int, int, int], Tensor] = {}
    mixed = []
    for i, query in enumerate(projected):
        heads = []
        for h in range(num_heads):
            part = slice(h * width, (h + 1) * width)
            for j, key in enumerate(projected):
                score = query[:d_model][part] @ key[d_model : 2 * d_model][part] / width**0.5
                carried = previous[h, i, j] if attention.residual and previous else 0.0
                scores[h, i, j] = score + carried
            exponentials = [scores[h, i, j].exp() for j in range(len(tokens))]
            values = [p[2 * d_model :][part] for p in projected]
            heads.append(sum(e * v for e, v in zip(exponentials, values, strict=True)) / sum(exponentials))
        mixed.append(attention.output.weight @ torch.cat(heads) + attention.output.bias)
    return mixed, scores


def naive_feed_forward(feed_forward: Any, token: Tensor) -> Tensor:
    hidden = feed_forward.hidden.weight @ token + feed_forward.hidden.bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    narrowed: Tensor = feed_forward.output.weight @ hidden + feed_forward.output.bias
    return narrowed


@pytest.mark.parametrize("channels", ["mixing", "independent"])
@pytest.mark.parametrize("pooling", ["flatten", "mean"])
@pytest.mark.parametrize("residual_attention", [False, True])
@pytest.mark.parametrize("last_row", [False, True])
def test_equals_the_naive_reference(channels: str, pooling: str, residual_attention: bool, last_row: bool) -> None:
    model = build(channels=channels, pooling=pooling, residual_attention=residual_attention, last_row=last_row)
    windows = random_windows()
    expected = torch.stack([naive_logit(model, window) for window in windows])
    torch.testing.assert_close(model(windows), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("instance_norm", [False, True])
def test_a_model_starts_from_a_logistic_regression_on_the_newest_row_as_given(instance_norm: bool) -> None:
    model = build(last_row=True, instance_norm=instance_norm)
    weights = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)
    model.start_from(-1.5, weights)
    windows = random_windows()
    torch.testing.assert_close(model(windows), windows[:, -1] @ weights - 1.5, rtol=0, atol=1e-12)


def test_a_model_without_the_last_row_starts_from_a_constant() -> None:
    model = build()
    model.start_from(-1.5)
    assert model(random_windows()).eq(-1.5).all()


def test_residual_attention_changes_the_output_from_the_second_layer_on() -> None:
    with_residual, without = build(residual_attention=True), build(residual_attention=False)
    assert not torch.allclose(with_residual(random_windows()), without(random_windows()))


@pytest.mark.parametrize("channels", ["mixing", "independent"])
def test_plain_products_equal_the_fused_kernel(channels: str) -> None:
    """A single layer has no scores to carry, so residual attention only switches to the plain products."""
    plain = build(channels=channels, num_layers=1, residual_attention=True)
    fused = build(channels=channels, num_layers=1, residual_attention=False)
    windows = random_windows()
    torch.testing.assert_close(plain(windows), fused(windows), rtol=0, atol=1e-10)
    plain(windows).square().sum().backward()
    fused(windows).square().sum().backward()
    for expected, parameter in zip(plain.parameters(), fused.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("channels", ["mixing", "independent"])
def test_oldest_rows_are_trimmed_and_no_others(channels: str) -> None:
    model, windows = build(channels=channels), random_windows(1)
    assert model.architecture.num_patches == 6  # 6 + 5 * 3 = 21 of 23 rows
    gradient = torch.autograd.grad(model(windows.requires_grad_()).sum(), windows)[0]
    assert (gradient[:, :2] == 0).all()
    assert (gradient[:, 2:] != 0).all()


def test_independent_channels_do_not_meet_before_the_head() -> None:
    model, windows = build(channels="independent", pooling="mean"), random_windows()
    model.head.weight.data[:, :12] = 0  # the head no longer reads channel 0
    changed = windows.clone()
    changed[:, :, 0] += 1
    assert torch.equal(model(windows), model(changed))
    changed[:, :, 1] += torch.arange(23)
    assert not torch.allclose(model(windows), model(changed))


@pytest.mark.parametrize("channels", ["mixing", "independent"])
def test_instance_norm_forgets_each_windows_level_and_scale(channels: str) -> None:
    windows = random_windows() * 100
    rescaled = windows * torch.tensor([2.0, 5.0, 9.0]) + torch.tensor([-7.0, 0.0, 3.0])
    model = build(channels=channels, instance_norm=True)
    torch.testing.assert_close(model(rescaled), model(windows), rtol=0, atol=1e-6)
    assert not torch.allclose(build(channels=channels)(rescaled), build(channels=channels)(windows))
    assert model(torch.ones_like(windows)).isfinite().all()


@pytest.mark.parametrize("name", ["dropout", "attention_dropout", "head_dropout"])
@pytest.mark.parametrize("residual_attention", [False, True])
def test_dropout_acts_in_training_only(name: str, residual_attention: bool) -> None:
    model = build(dropouts={name: 0.5}, residual_attention=residual_attention)
    without, windows = build(residual_attention=residual_attention), random_windows()
    assert not torch.allclose(model(windows), model(windows))
    assert torch.equal(model.eval()(windows), without.eval()(windows))


@pytest.mark.parametrize("residual_attention", [False, True])
def test_checkpointing_changes_neither_logits_nor_gradients(residual_attention: bool) -> None:
    dropouts = {"dropout": 0.3, "attention_dropout": 0.3}
    gradients = []
    for checkpoint_activations in (False, True):
        model = build(dropouts=dropouts, residual_attention=residual_attention)
        model.checkpoint_activations = checkpoint_activations
        torch.manual_seed(3)
        model(random_windows()).sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for expected, gradient in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=0)


def test_checkpointing_with_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed with norm='layer'"):
        PatchTST(Architecture(**{**SMALL, "norm": "batch"}), checkpoint_activations=True)


@pytest.mark.parametrize("shape", [(2, 22, 3), (2, 23, 4), (23, 3)])
def test_windows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"allowed is \(batch, 23, 3\)"):
        build()(torch.zeros(shape, dtype=torch.float64))


@pytest.mark.parametrize("positions", ["learned", "sincos"])
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_a_model_built_without_storage_is_initialised_like_any_other(positions: str, norm: str) -> None:
    architecture = Architecture(**{**SMALL, "positions": positions, "norm": norm})
    expected = PatchTST(architecture)
    with torch.device("meta"):
        model = PatchTST(architecture)
    model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.fill_(77)
    torch.manual_seed(6)
    expected.init_weights()
    torch.manual_seed(6)
    model.init_weights()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_initial_weights_are_as_documented() -> None:
    model = PatchTST(Architecture(**{**SMALL, "d_model": 96, "d_ff": 192, "num_layers": 8}))
    layer: Any = model.layers[0]
    assert layer.attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.attention.output.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert layer.feed_forward.output.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert all((m.bias == 0).all() for m in model.modules() if isinstance(m, nn.Linear))


def test_logits_are_no_probabilities() -> None:
    model = build()
    model.head.bias.data.fill_(50.0)
    assert (model(random_windows()) > 1).all()
