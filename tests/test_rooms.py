"""The house: who may import whom, read from the imports themselves, wherever in a file they stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import codegen
import runtime
from codegen.files.freshness import READ_FROM_RUNTIME

PROJECT = Path(__file__).resolve().parents[1]

RUNTIME = ("errors", "arrays", "model", "records", "samples", "script", "judging", "training", "search")
CODEGEN = ("seal", "syntax", "request", "blocks", "scripts", "files", "cli")
ON_TOP = {"scaling": {"errors", "arrays", "records", "judging"}, "report": {*RUNTIME, "scaling"}, "phase": {*RUNTIME}}
"""Rooms beside the ladder, and what they stand on."""

Imports = Mapping[str, set[str]]


def modules(package: str) -> dict[str, Path]:
    """Name and file of each module of a package."""
    files = sorted((PROJECT / package).rglob("*.py"))
    names = (".".join(file.relative_to(PROJECT).with_suffix("").parts) for file in files)
    return {name.removesuffix(".__init__"): file for name, file in zip(names, files, strict=True)}


EVERY = {name: file for package in ("codegen", "data", "runtime") for name, file in modules(package).items()}


def imported(file: Path) -> Iterator[str]:
    """Modules of ours that a file imports, and the packages of others."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in EVERY else str(node.module) for name in whole)


IMPORTS: Imports = {name: set(imported(file)) for name, file in EVERY.items()}


def room(module: str) -> str:
    """The room of a module: the part of its name after the package."""
    return module.split(".")[1] if "." in module else ""


def arrows_back_up(imports: Imports, package: str, ladder: tuple[str, ...]) -> list[str]:
    """Imports that a room of a ladder makes from a later one, or from a room beside the ladder."""
    allowed = {name: set(ladder[: index + 1]) for index, name in enumerate(ladder)}
    allowed |= {name: {name, *below} for name, below in ON_TOP.items()} if package == "runtime" else {}
    return [
        f"{module} -> {other}"
        for module, others in imports.items()
        if module.split(".")[0] == package and room(module) in allowed
        for other in sorted(others)
        if other.split(".")[0] == package and room(other) not in {"", *allowed[room(module)]}
    ]


@pytest.mark.parametrize(("package", "ladder"), [("runtime", RUNTIME), ("codegen", CODEGEN)])
def test_no_room_imports_from_one_above_it(package: str, ladder: tuple[str, ...]) -> None:
    assert arrows_back_up(IMPORTS, package, ladder) == []


def test_an_arrow_that_runs_back_up_is_seen() -> None:
    made = {"runtime.model.layers": {"runtime.training.recipe", "runtime.model.attention", "torch"}}
    assert arrows_back_up(made, "runtime", RUNTIME) == ["runtime.model.layers -> runtime.training.recipe"]
    made = {"codegen.files.check": {"codegen.cli"}, "codegen.cli": {"codegen.files.check"}}
    assert arrows_back_up(made, "codegen", CODEGEN) == ["codegen.files.check -> codegen.cli"]


@pytest.mark.parametrize(("package", "ladder"), [("runtime", (*RUNTIME, *ON_TOP)), ("codegen", CODEGEN)])
def test_every_file_stands_in_a_room_and_the_package_names_all_of_them(package: str, ladder: tuple[str, ...]) -> None:
    assert {room(module) for module in modules(package)} == {"", "__main__", *ladder}
    described = {"runtime": runtime, "codegen": codegen}[package].__doc__ or ""
    assert [name for name in ladder if f"`{name}`" not in described] == []


@pytest.mark.parametrize("package", ["runtime", "codegen"])
def test_every_room_says_in_a_sentence_what_it_is(package: str) -> None:
    for file in (PROJECT / package).rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(file.read_text())), file


def test_no_circle_of_imports() -> None:
    # A package's own file imports nothing but stands above its modules in name only.
    graph = {name: {other for other in others if other in EVERY} for name, others in IMPORTS.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_data_and_runtime_never_import_the_generator_and_data_imports_neither() -> None:
    for module, others in IMPORTS.items():
        package, used = module.split(".")[0], {other.split(".")[0] for other in others}
        assert not (package in ("data", "runtime") and "codegen" in used), module
        assert not (package == "data" and "runtime" in used), module


def test_the_generator_knows_three_files_of_the_runtime_and_one_room_knows_libcst() -> None:
    read = {f"runtime.{file.removesuffix('.py').replace('/', '.')}" for file in READ_FROM_RUNTIME}
    for module, others in IMPORTS.items():
        if module.startswith("codegen"):
            assert {other for other in others if other.startswith("runtime")} <= read, module
            assert "libcst" not in others or module.startswith("codegen.syntax."), module


def test_scripts_import_the_face_of_the_runtime_alone() -> None:
    scripts = [*(PROJECT / "experiments").glob("*/*.py"), *(PROJECT / "tests/codegen/golden").glob("*.py")]
    assert len(scripts) > 28
    for script in scripts:
        used = {name for name in imported(script) if name.split(".")[0] in ("runtime", "codegen", "data")}
        assert used == {"runtime"}, script


def test_every_public_name_is_documented() -> None:
    for package in (runtime, codegen):
        assert package.__all__ == sorted(set(package.__all__))
        for name in package.__all__:
            assert getattr(package, name).__doc__, name


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="PatchTSTs"):
        runtime.PatchTSTs  # type: ignore[attr-defined]  # noqa: B018


def test_no_file_is_longer_than_250_lines() -> None:
    files = [*EVERY.values(), *(PROJECT / "tests").rglob("*.py")]
    long = {str(file.relative_to(PROJECT)) for file in files if len(file.read_text().splitlines()) > 250}
    assert {name for name in long if "golden" not in name} == set()


def test_every_readme_takes_a_few_minutes() -> None:
    for file in (PROJECT / "README.md", *(PROJECT / room / "README.md" for room in ("codegen", "data", "runtime"))):
        assert len(file.read_text().splitlines()) < 150, file


@pytest.mark.parametrize(("package", "more"), [("runtime", set()), ("codegen", {"golden"})])
def test_tests_lie_in_the_rooms_of_what_they_test(package: str, more: set[str]) -> None:
    def rooms(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("_")}

    assert rooms(PROJECT / "tests" / package) == rooms(PROJECT / package) | more
