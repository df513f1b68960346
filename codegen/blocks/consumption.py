"""A spec that notices which of its fields no block has put into the script."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar, cast

from codegen.request.spec import ExperimentSpec
from codegen.syntax.one_truth import RenderError

Spec = TypeVar("Spec", bound=ExperimentSpec)


class _Watched:
    """Stands in for a spec and remembers what was read."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self._read.add(name)
        return getattr(self._spec, name)


def watch(spec: Spec) -> Spec:
    """The same spec, to be handed to the blocks; `require_consumed` then says whether they used all of it."""
    return cast(Spec, _Watched(spec))


def require_consumed(watched: ExperimentSpec) -> None:
    """Refuse a script whose spec holds a value that no block used; a field that is None or () holds no value.

    Raises:
        RenderError: naming the unused fields.
    """
    state = cast(_Watched, watched)
    unused = [
        field.name
        for field in fields(state._spec)
        if field.name not in state._read and getattr(state._spec, field.name) not in (None, ())
    ]
    if unused:
        raise RenderError(f"no block puts these spec fields into the script: {', '.join(unused)}")
