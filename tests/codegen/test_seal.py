"""The seal tells every edit, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.seal import BLANK_SEAL, apply_seal, is_intact, seal_of

TEXT = f"# first line\n{BLANK_SEAL}\nVALUE = 1\n"
SEALED = apply_seal(TEXT)


def test_a_sealed_text_is_intact_and_only_its_seal_was_changed() -> None:
    seal = seal_of(SEALED)
    assert seal is not None
    assert is_intact(SEALED)
    assert SEALED.replace(seal, "0" * 64) == TEXT


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(SEALED) - 1), character=st.characters(codec="utf-8"))
def test_any_changed_character_breaks_it(position: int, character: str) -> None:
    changed = SEALED[:position] + character + SEALED[position + 1 :]
    assert is_intact(changed) == (changed == SEALED)


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0, len(SEALED)), character=st.characters(codec="utf-8", exclude_characters="\r"))
def test_any_added_character_breaks_it(position: int, character: str) -> None:
    assert not is_intact(SEALED[:position] + character + SEALED[position:])


@pytest.mark.parametrize("position", range(len(SEALED)))
def test_any_removed_character_breaks_it(position: int) -> None:
    assert not is_intact(SEALED[:position] + SEALED[position + 1 :])


def test_the_newlines_of_a_checkout_do_not_break_it() -> None:
    assert is_intact(SEALED.replace("\n", "\r\n"))
    assert not is_intact(SEALED.replace("\n", "\r"))


@pytest.mark.parametrize("text", ["", "VALUE = 1\n", "# Seal: sha256:12ab\n", f"x {BLANK_SEAL}\n", "# Seal: sha256:\n"])
def test_a_text_without_a_seal_is_not_intact(text: str) -> None:
    assert seal_of(text) is None
    assert not is_intact(text)


def test_a_blank_seal_is_no_seal_of_anything() -> None:
    assert not is_intact(TEXT)


@pytest.mark.parametrize("text", ["VALUE = 1\n", TEXT + TEXT, SEALED])
def test_only_one_blank_seal_can_be_filled(text: str) -> None:
    with pytest.raises(ValueError, match="exactly one blank seal"):
        apply_seal(text)
