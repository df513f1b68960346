"""What differs between two nested values, each difference in one line of as few words as tell the two apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

MOST_SHOWN = 3
"""Of the values that a list lacks or has besides, and of the names in a sentence."""

MOST_NOTED = 12
"""Of the differences that a refusal names, each on a line of its own."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[\w./=-]*[A-Za-z_][\w./=-]*", re.ASCII)
_TAKEN = ("None", "True", "False", "absent")


class _Absent:
    """Stands where the other side has a value and this side has none."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
Refusal = TypeVar("Refusal", bound=Exception)


@dataclass(frozen=True)
class Difference:
    """One value in which two nested values differ.

    Attributes:
        name: where it stands: ``embargo``, ``space.dropout.low``, ``interpolated_between[1].trial``.
        before, after: the two; `ABSENT` where one side has none. Two lists hold no lists or mappings themselves.
    """

    name: str
    before: Any
    after: Any

    def as_change(self) -> str:
        """As a reviewer reads it: ``embargo 0 -> 20``, ``feature_columns -vix_return1 +rsi7``."""
        if not (_is_list(self.before) and _is_list(self.after)):
            return f"{self.name} {show(self.before)} -> {show(self.after)}"
        words = [f"-{show(each)}" for each in _less(self.before, self.after)]
        words += [f"+{show(each)}" for each in _less(self.after, self.before)]
        if _is_reordered(self.before, self.after):
            words.append("(others in another order)" if words else "in another order")
        return " ".join([self.name, *words])

    def as_mismatch(self) -> str:
        """As a refusal says it, whose ``before`` was found and whose ``after`` is a script's."""
        if not (_is_list(self.before) and _is_list(self.after)):
            return f"{self.name} is {show(self.before)} there and {show(self.after)} in this script"
        lacks, besides = _less(self.before, self.after), _less(self.after, self.before)
        words = [f"lacks {_some([*map(show, lacks)])}"] if lacks else []
        words += [f"has {_some([*map(show, besides)])} besides"] if besides else []
        if _is_reordered(self.before, self.after):
            words.append("has the others in another order" if words else "has the same in another order")
        return f"{self.name} in this script {', '.join(words)}"


def differences(before: Any, after: Any, name: str = "") -> Iterator[Difference]:
    """Every value in which two nested values differ, by ``==``; a tuple is a list, and mappings have no order."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            below = f"{name}.{show(key)}" if name else show(key)
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), below)
    elif _is_list(before) and _is_list(after):
        if any(isinstance(each, Mapping) or _is_list(each) for each in (*before, *after)):
            for index, (one, other) in enumerate(zip_longest(before, after, fillvalue=ABSENT)):
                yield from differences(one, other, f"{name}[{index}]")
        elif list(before) != list(after):
            yield Difference(name, before, after)
    elif before != after:
        yield Difference(name, before, after)


def names_of(found: Sequence[Difference]) -> str:
    """Where values differ, for the sentence that the differences stand below: ``embargo, split.seed and 2 more``."""
    return _some([each.name for each in found])


def noted(error: Refusal, found: Sequence[Difference], remedy: Callable[[Difference], str] | None = None) -> Refusal:
    """The error with a note for each of the first differences, which a command line prints on a line of its own.

    Args:
        error: to be raised.
        found: what differs; ``before`` was found, ``after`` is a script's.
        remedy: the flag or the file that decides the value; empty for none.
    """
    for each in found[:MOST_NOTED]:
        way = remedy(each) if remedy else ""
        error.add_note(each.as_mismatch() + (f" ({way})" if way else ""))
    if len(found) > MOST_NOTED:
        error.add_note(f"and {len(found) - MOST_NOTED} more")
    return error


def show(value: Any) -> str:
    """A value in one line: a hash by its first 12 digits, a word without quotes, what is long by its length."""
    if isinstance(value, str):
        if _SHA256.fullmatch(value):
            return value[:12]
        return value if _PLAIN.fullmatch(value) and value not in _TAKEN and not _is_number(value) else ascii(value)
    if isinstance(value, Mapping) or _is_list(value):
        shown = ascii(value)
        return shown if len(shown) <= 40 else f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    return ascii(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _less(values: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """What the first list holds and the other does not, in its order."""
    left, found = Counter(others), []
    for value in values:
        left[value] -= 1
        if left[value] < 0:
            found.append(value)
    return found


def _is_reordered(values: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether what both lists hold stands in two orders."""
    gone, new = _less(values, others), _less(others, values)
    return _less(values, gone) != _less(others, new)


def _some(values: Sequence[str]) -> str:
    shown = list(values[:MOST_SHOWN])
    if rest := len(values) - len(shown):
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)
