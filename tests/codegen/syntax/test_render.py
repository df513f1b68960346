"""The gate: what it lets through is fixed, ASCII and the same everywhere; what it stops, and why."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import black
import libcst as cst
import pytest

from codegen.syntax import statements as s
from codegen.syntax.expressions import call, name, path
from codegen.syntax.literals import literal
from codegen.syntax.render import LINE_LENGTH, RenderError, render
from codegen.syntax.statements import Statement

COLUMNS = [
    'RSI "14"',
    "it's",
    "\"'",
    "a\\b",
    "line\nbreak",
    "\r",
    "\x00",
    "é中",
    "\udc80",
    "# fmt: off",
    "# fmt: skip",
    "{}",
]
COLUMNS += ["# -*- coding: utf-16 -*-", '"""', "%s", "{x!r}", "\u2028", "x" * 200, ""]


def script(*body: Statement) -> cst.Module:
    return s.module(["Constant text."], "A script.", body)


def example() -> cst.Module:
    """A script that holds every kind of value, in every kind of place."""
    values = {column: [index, -0.5 * index, (column,)] for index, column in enumerate(COLUMNS)}
    main = s.function(
        "main",
        [s.FunctionParameter("count", name("int"))],
        [
            s.evaluate(call("print", name("VALUES"))),
            s.return_(call("floor", name("count"))),
        ],
        returns=name("int"),
        docstring="Print everything.\n\nAnd count.",
    )
    return script(
        s.import_from("math", "floor"),
        *s.section("Parameters", s.assign("VALUES", literal(values)), s.assign("COLUMNS", literal(COLUMNS))),
        *s.section("Main", main),
        s.if_main([s.evaluate(call("main", call("len", name("COLUMNS"))))]),
    )


def test_hostile_values_survive() -> None:
    scope: dict[str, object] = {}
    exec(render(example()), scope)
    assert scope["COLUMNS"] == COLUMNS
    values = scope["VALUES"]
    assert isinstance(values, dict)
    assert list(values) == COLUMNS
    assert all(items[2] == (column,) for column, items in values.items())


def test_the_output_is_ascii_ends_with_a_newline_and_is_a_fixed_point() -> None:
    text = render(example())
    assert text.isascii()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    with pytest.raises(black.NothingChanged):  # type: ignore[attr-defined]
        black.format_file_contents(text, fast=False, mode=black.Mode(line_length=LINE_LENGTH))
    assert render(cst.parse_module(text)) == text


def test_a_list_takes_one_line_an_item() -> None:
    text = render(script(s.assign("columns", literal(["a", "b"]))))
    assert text.endswith('columns = [\n    "a",\n    "b",\n]\n')


def test_the_bytes_are_the_same_under_every_hash_seed_and_in_every_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 40\nskip-magic-trailing-comma = true\n")
    code = (
        "import sys; from tests.codegen.syntax.test_render import example, render; sys.stdout.write(render(example()))"
    )
    root = str(Path(__file__).parents[3])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": root},
            cwd=tmp_path if seed % 2 else root,
            stdout=subprocess.PIPE,
        )
        for seed in range(4)
    ]
    assert {run.communicate()[0] for run in runs} == {render(example()).encode()}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\nx = = 2\n", "does not compile"),
        ("return 1\n", "does not compile"),
        ("x = 1 is 1\n", "does not compile"),
        ("x = 1(2)\n", "does not compile"),
        ("x = '\\d'\n", "does not compile"),
        ("x = 'é'\n", "does not compile"),
        ("x = '\x00'\n", "does not compile"),
        ("x = 1\n'''a docstring?  '''\ndef f():\n    '''  padded  '''\n", "black changed the meaning"),
        ("x = y\n", "line 1: y is read, but nothing binds it"),
        ("'''Doc.'''\n\nN = 1\n", "line 3: N is bound, but nothing reads it"),
        ("import os\n", "line 1: os is bound, but nothing reads it"),
    ],
)
def test_what_the_gate_stops(source: str, reason: str) -> None:
    with pytest.raises(RenderError, match=reason):
        render(SimpleNamespace(code=source))  # type: ignore[arg-type]


def test_a_change_of_meaning_by_black_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(source: str, **_: object) -> str:
        return source.replace("1", "2")

    monkeypatch.setattr(black, "format_file_contents", careless)
    with pytest.raises(RenderError, match="black changed the meaning"):
        render(script(s.assign("x", literal(1))))


def test_a_name_bound_by_nothing_is_our_bug() -> None:
    with pytest.raises(RenderError, match="line 4: runtime is read, but nothing binds it"):
        render(script(s.assign("x", path("runtime.x"))))


def test_the_builders_tree_is_the_files_tree() -> None:
    module = example()
    assert ast.dump(ast.parse(render(module))) == ast.dump(ast.parse(module.code))
