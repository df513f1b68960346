"""What a script says otherwise than another, one line a changed value, in the words of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from codegen.files.reading import Script, read_script
from data.differences import ABSENT, Difference, differences, show


@dataclass(frozen=True)
class Change:
    """One line of a summary.

    Attributes:
        field: what it is about: ``embargo``, ``learning_rate``, ``model``, ``block``, ``imports``, ``comments``.
        text: ``embargo 0 -> 20``.
    """

    field: str
    text: str


def changes(before: str, after: str, *, by_hand: bool = False) -> list[Change]:
    """Everything in which two scripts differ; empty only where they are the same text.

    Args:
        before, after: the scripts.
        by_hand: the second is the first, edited: what the generator lets follow from the values is named, too.

    Raises:
        SyntaxError, ValueError, RecursionError: if one of them is no Python.
    """
    old, new = read_script(before), read_script(after)
    found = [*_values(old, new, by_hand), *_blocks(old, new), *_others(old, new)]
    imports = [Change("imports", each.as_change()) for each in differences(old.imports, new.imports, "imports")]
    if imports and not found:
        found = [Change("imports", f"imports only: {imports[0].text.removeprefix('imports ')}")]
    else:
        found += imports
    if by_hand or not found:
        found += _words(old, new)
    if not found and before != after:
        same = "layout only: the code, the comments and every value are the same"
        found.append(Change("layout", same if old.tree == new.tree else "code written otherwise"))
    return found


def _values(old: Script, new: Script, by_hand: bool) -> Iterator[Change]:
    origin = "" if by_hand else _origin(new.values.get("provenance"))
    changed: set[str] = set()
    for name in {**old.values, **new.values}:
        one, other = old.values.get(name, ABSENT), new.values.get(name, ABSENT)
        if name == "provenance" and not by_hand and _is_another_kind(one, other):
            found = [Change(name, f"{name} {_origin(one) or 'none'} -> {_origin(other) or 'none'}")]
        else:
            found = [_worded(each, origin) for each in differences(_beside(one, other), _beside(other, one), name)]
        changed |= {name} if found else set()
        yield from found
    for name, source in old.sources.items():
        if name not in changed and new.sources.get(name, source) != source:
            yield Change(name, f"{name} written otherwise")


def _beside(value: Any, other: Any) -> Any:
    """A value; an empty mapping where it is absent beside a mapping, whose keys are then named one by one."""
    return {} if value is ABSENT and isinstance(other, Mapping) and other else value


def _worded(difference: Difference, origin: str) -> Change:
    """A line; what was searched goes by its own name, and says where it was found."""
    found = difference.name.startswith(("hyperparameters.", "architectures.")) and difference.after is not ABSENT
    name = difference.name.removeprefix("hyperparameters.")
    text = Difference(name, difference.before, difference.after).as_change()
    return Change(re.split(r"[.\[]", name, maxsplit=1)[0], f"{text} ({origin})" if found and origin else text)


def _is_another_kind(before: Any, after: Any) -> bool:
    """Whether hyperparameters come from a search instead of none, from two instead of one, and so on."""
    kinds = [set(each) if isinstance(each, Mapping) else set() for each in (before, after)]
    return kinds[0] != kinds[1] and _origin(before) != _origin(after)


def _origin(provenance: Any) -> str:
    """Where hyperparameters come from: ``finding of hpo_2M.best.json, trial 16``; empty if it is not said."""
    if not isinstance(provenance, Mapping):
        return ""
    between = provenance.get("interpolated_between")
    sources = between if isinstance(between, list) else [provenance]
    told = [_source(each) for each in sources if isinstance(each, Mapping) and isinstance(each.get("source"), str)]
    return " and ".join(told)


def _source(provenance: Mapping[str, Any]) -> str:
    if "trial" not in provenance:
        return str(provenance["source"])
    return f"finding of {PurePosixPath(provenance['source']).name}, trial {show(provenance['trial'])}"


def _blocks(old: Script, new: Script) -> Iterator[Change]:
    for name in {**old.blocks, **new.blocks}:
        if old.blocks.get(name) != new.blocks.get(name):
            verb = "added" if name not in old.blocks else "removed" if name not in new.blocks else "changed"
            yield Change("block", f"block {verb}: {name}")


def _others(old: Script, new: Script) -> Iterator[Change]:
    if old.docstring != new.docstring:
        yield Change("docstring", "docstring changed")
    for each in differences(old.others, new.others, "statements"):
        yield Change("statements", each.as_change())
    both = [[name for name in each.order if name in other.order] for each, other in ((old, new), (new, old))]
    if both[0] != both[1]:
        yield Change("order", "statements in another order")


def _words(old: Script, new: Script) -> Iterator[Change]:
    """Comments, and what of the header follows from the values."""
    for each in differences(old.comments, new.comments, "comments"):
        yield Change("comments", each.as_change())
    for each in differences(old.header.get("Spec"), new.header.get("Spec"), "spec"):
        yield Change("spec", each.as_change())
