"""What the launcher of several processes, ``torchrun``, says to each of them."""

from __future__ import annotations

import os

from runtime.errors import UserError
from runtime.script.ranks import Ranks


def find_ranks(sharding: str) -> Ranks:
    """What ``torchrun`` says in the environment; without it, this process is alone.

    Args:
        sharding: what the script allows.

    Raises:
        UserError: if several were started of a script that runs as one.
    """
    count = _number("WORLD_SIZE", 1)
    if count > 1 and sharding == "none":
        raise UserError(
            f"WORLD_SIZE={count} processes were started (by torchrun?) of a script that runs as one: start it with "
            "python, or set `sharding: ddp` or `sharding: fsdp` in its configs/model file and generate the training "
            "script again"
        )
    return Ranks(sharding, _number("RANK", 0), count, _number("LOCAL_RANK", 0)) if count > 1 else Ranks(sharding)


def _number(name: str, alone: int) -> int:
    text = os.environ.get(name, str(alone))
    if not text.isascii() or not text.isdigit():
        raise UserError(f"the environment's {name} is {text!r}; allowed is a whole number, as torchrun sets it")
    return int(text)
