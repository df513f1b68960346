"""Which trainings compile their layers, and that a layer as a GPU computes it compiles as one piece."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from runtime.model.architecture import Architecture
from runtime.model.dropout import Dropout
from runtime.model.patchtst import PatchTST
from runtime.training import compiled_layers
from runtime.training.compiled_layers import LEAST_OPERATIONS, compile_layers, compiling_pays
from tests.helpers.tiny import ARCHITECTURE

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),  # the compiler asks for it
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # what some versions of it import
]

TINY = Architecture(num_channels=3, context_length=8, **ARCHITECTURE)
CUDA = torch.device("cuda", 0)


@pytest.fixture
def with_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_layers, "find_spec", lambda name: name)
    monkeypatch.setattr(compiled_layers.shutil, "which", lambda name: name)


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the ways through the model that a GPU takes."""
    monkeypatch.setattr("runtime.model.attention.few_tokens_are_faster", lambda tokens: False)
    monkeypatch.setattr(Dropout, "forward", lambda layer, values: functional.dropout(values, layer.probability))
    monkeypatch.setattr(Dropout, "add", lambda layer, tokens, values: tokens + layer(values))


@pytest.mark.usefixtures("with_compilers")
def test_only_long_trainings_on_a_gpu_compile() -> None:
    enough = int(LEAST_OPERATIONS / (6 * TINY.parameter_count() * TINY.num_patches)) + 1
    assert compiling_pays(TINY, enough, CUDA)
    assert not compiling_pays(TINY, enough - 1, CUDA)
    assert not compiling_pays(TINY, enough, torch.device("cpu"))
    assert not compiling_pays(TINY, enough, torch.device("mps"))


@pytest.mark.usefixtures("with_compilers")
@pytest.mark.parametrize("missing", ["find_spec", "shutil.which"])
def test_without_a_compiler_nothing_is_compiled(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"runtime.training.compiled_layers.{missing}", lambda name: None)
    assert not compiling_pays(TINY, 10**18, CUDA)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_model_as_a_gpu_computes_it_is_one_graph() -> None:
    torch.compiler.reset()
    model = PatchTST(TINY, dropout=0.3).train()
    with torch.autocast("cpu", torch.bfloat16):
        explained = torch._dynamo.explain(model)(torch.randn(5, 8, 3))  # type: ignore[no-untyped-call]
    assert (explained.graph_count, explained.graph_break_count) == (1, 0), explained.break_reasons
    torch.compiler.reset()


@pytest.mark.usefixtures("as_on_a_gpu")
def test_compiled_layers_compute_the_same_and_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = []

    def count(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    model = PatchTST(replace(TINY, num_layers=3)).train()
    windows = torch.randn(5, 8, 3)
    plain = model(windows)
    plain.sum().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    names = list(model.state_dict())
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda layer: compile_module(layer, backend=count))
    compile_layers(model)
    compiled = model(windows)
    compiled.sum().backward()
    assert len(graphs) == 1
    assert list(model.state_dict()) == names
    torch.testing.assert_close(compiled, plain)
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], gradients, rtol=1e-4, atol=1e-6)
    torch.compiler.reset()
