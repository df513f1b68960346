"""Files as an attacker or a failing disk leaves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HOSTILE = [
    b"",
    b"\x00",
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"status":' + b"[" * 100_000,
    b"- " * 9_000,
    b"NaN",
    b"1e999",
    b"9" * 5_000,
    b'"\\ud800"',
    b"{}\n{}",
    b"null\n",
]
"""What random bytes seldom are."""

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


def damaged(valid: bytes) -> st.SearchStrategy[bytes]:
    """Nonsense, or the valid file with one place replaced."""
    places = st.tuples(
        st.integers(0, len(valid)), st.integers(0, 9), st.binary(max_size=9) | SCALARS.map(repr).map(str.encode)
    )
    replaced = places.map(lambda each: valid[: each[0]] + each[2] + valid[each[0] + each[1] :])
    return st.sampled_from(HOSTILE) | st.binary(max_size=50) | replaced


def other_values(valid: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The valid record with one value, at any depth, replaced or dropped."""
    places = st.sampled_from([*_places(valid)])
    return st.tuples(places, VALUES, st.booleans()).map(lambda each: _replaced(valid, *each))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from _places(each, (*path, key))


def _replaced(valid: dict[str, Any], path: tuple[Any, ...], value: Any, drop: bool) -> dict[str, Any]:
    changed = json.loads(json.dumps(valid))
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


def answered_or_refused(read: Callable[[], object], refusal: type[Exception]) -> None:
    message = ""
    try:
        read()
    except refusal as error:
        message = str(error)
    assert "\n" not in message
