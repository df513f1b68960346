"""Names: what is one, and that every other string is refused with a reason."""

import keyword
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.syntax.names import SOFT_KEYWORDS, Identifier

VALID = ["x", "X", "_private", "N_TRIALS", "camelCase", "x1", "print", "nan", "matches", "soft_"]
INVALID = ["", " ", "1x", "a b", "a.b", "a-b", "é", "µ", "ﬁ", "x\n", "x\x00", "x#", "__name__", "__x", "x;y", "\udc80"]


@pytest.mark.parametrize("text", VALID)
def test_valid_names_are_kept(text: str) -> None:
    assert Identifier(text) == text
    assert isinstance(Identifier(text), str)


@pytest.mark.parametrize("text", [*INVALID, *keyword.kwlist, *keyword.softkwlist, *sorted(SOFT_KEYWORDS)])
def test_other_strings_are_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match="allowed") as refusal:
        Identifier(text)
    assert ascii(text) in str(refusal.value)


@pytest.mark.parametrize("value", [None, 1, b"x", ["x"]])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="must be a string"):
        Identifier(value)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.text("ab_A1\u00e9\u0391\ufb01 .", max_size=3))
def test_an_accepted_name_is_one_variable(text: str) -> None:
    try:
        identifier = Identifier(text)
    except ValueError:
        return
    scope: dict[str, object] = {}
    exec(f"{identifier} = 1", {"__builtins__": {}}, scope)
    assert scope == {text: 1}


def test_importing_names_costs_no_libcst() -> None:
    check = "import sys, codegen.syntax.names; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
