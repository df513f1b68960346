"""What is named as slow exists, and is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import slow

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", [*slow.FILES, *slow.TESTS])
def test_it_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert f"def {function}" in (TESTS / file).read_text()


def test_what_is_named_is_marked_and_nothing_else(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        file = item.path.relative_to(TESTS).as_posix()
        named = file in slow.FILES or f"{file}::{item.name.partition('[')[0]}" in slow.TESTS
        assert named == (item.get_closest_marker("slow") is not None), item.nodeid
