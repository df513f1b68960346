"""One model on several ranks, applied from outside: the model itself knows nothing of it (as in torchtitan)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from runtime.arrays import Indices
from runtime.errors import UserError
from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST
from runtime.model.precision import supports_bfloat16
from runtime.script.ranks import Ranks

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

# What only several ranks need is imported where they need it: it takes a second, and most trainings have one rank.


def require_shardable(architecture: Architecture, ranks: Ranks) -> None:
    """Refuse what would be another model on several ranks.

    Raises:
        UserError: if it normalises by batches, whose statistics would differ from rank to rank.
    """
    if ranks.count > 1 and architecture.norm == "batch":
        raise UserError(
            "norm='batch' on several ranks: each would normalise by its own part of the batch, and none by the whole; "
            "set `norm: layer` or `sharding: none` in its configs/model file and generate the script again"
        )


def place(fresh: PatchTST, ranks: Ranks, device: torch.device) -> tuple[PatchTST, nn.Module]:
    """Put a model where it trains, with the first rank's weights on every rank.

    Args:
        fresh: on the CPU; on the meta device where this is not the first rank, which needs no memory. Not to be used
            again.
        ranks: that train it.
        device: of this rank.

    Returns:
        The model, and what computes the logits of a training step: its backward pass leaves the mean of all ranks'
        gradients with each rank's part of the model.

    Raises:
        UserError: see `require_shardable`.
    """
    require_shardable(fresh.architecture, ranks)
    if ranks.count == 1:
        model = fresh.to(device)
        return model, model
    from torch.distributed.device_mesh import init_device_mesh

    weights = fresh.state_dict()
    if ranks.sharding == "fsdp":
        fresh = fresh.to("meta")
        mesh = init_device_mesh(device.type, (ranks.count,))
        fully_shard_layers(fresh, mesh, bfloat16=supports_bfloat16(device))
    model = fresh.to_empty(device=device)
    put_weights(model, weights if ranks.is_first else {}, ranks)
    if ranks.sharding == "fsdp":
        return model, model
    return model, DistributedDataParallel(model, init_sync=False)


def fully_shard_layers(model: PatchTST, mesh: DeviceMesh, *, bfloat16: bool) -> None:
    """Let each rank of a one-dimensional mesh hold its share of every layer, and of what is around the layers.

    A layer is whole on a rank only while it computes.

    Args:
        model: without weights, on the meta device.
        mesh: of the ranks.
        bfloat16: gather in it what layers multiply in it; shares, sums of gradients, normalisations, the residual
            stream and the last layer stay float32, as on one process.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    full = MixedPrecisionPolicy(cast_forward_inputs=False)
    half = MixedPrecisionPolicy(torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for layer in model.layers:
        if bfloat16:
            norms: list[nn.Module] = [each for each in layer.modules() if isinstance(each, nn.LayerNorm)]
            fully_shard(norms, mesh=mesh, mp_policy=full)
        fully_shard(layer, mesh=mesh, mp_policy=half if bfloat16 else full)
    fully_shard(model, mesh=mesh, mp_policy=full)


def whole_weights(model: PatchTST, ranks: Ranks) -> dict[str, Tensor]:
    """All weights and buffers by name; of a model in shares on the CPU of the first rank, and nothing on the others.

    Every rank calls it.
    """
    if ranks.count == 1 or ranks.sharding == "ddp":
        return model.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: dict[str, Tensor] = get_model_state_dict(model, options=options)  # type: ignore[assignment]
    return weights


def put_weights(model: PatchTST, weights: Mapping[str, Tensor], ranks: Ranks) -> None:
    """Load what `whole_weights` returned; every rank calls it, and only the first one's weights count."""
    if ranks.count == 1:
        model.load_state_dict(weights)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(model, dict(weights), options=options)


def even_share(indices: Indices, ranks: Ranks) -> Indices:
    """This rank's samples, as many as every other rank's: the last sample fills up, beyond the end of all shares."""
    each = math.ceil(indices.size / ranks.count)
    filled = np.concatenate([indices, np.repeat(indices[-1:], each * ranks.count - indices.size)])
    return filled[each * ranks.rank :][:each]


def shares(starts: Tensor, at_once: int, ranks: Ranks) -> Iterator[tuple[Tensor, float]]:
    """This rank's samples of a batch, in as many parts as every other rank has.

    Args:
        starts: of all samples of the batch, shape (samples,).
        at_once: most samples of a part.
        ranks: that share it.

    Yields:
        Starts of a part, and the weight of its mean loss, such that the mean over ranks of the weighted losses is the
        mean over the batch's samples. A rank that has none computes one sample all the same, with weight 0.
    """
    for together in torch.split(starts, at_once * ranks.count):
        mine = together.tensor_split(ranks.count)[ranks.rank]
        yield (mine, ranks.count * mine.numel() / starts.numel()) if mine.numel() else (starts[:1], 0.0)
