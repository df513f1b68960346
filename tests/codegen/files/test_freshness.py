"""The cache of a check: it saves rendering, and is never believed against the files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from codegen.files import freshness
from codegen.files.check import check
from codegen.files.freshness import KnownSeals
from codegen.files.planning import Planned
from codegen.files.writer import Target
from tests.helpers.on_disk import COMMAND, OnDisk, contents, make_on_disk


@pytest.fixture(scope="module")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def rendered(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the scripts that were rendered since the experiment was written."""
    made.act()
    names: list[str] = []
    texts = {target.path: target.text for target in made.targets}

    def render(script: Planned) -> Target:
        names.append(script.path.name)
        return Target(script.path, texts[script.path])

    monkeypatch.setattr(Planned, "render", render)
    return names


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "seals.json"


def looked(made: OnDisk, cache: Path | None) -> int:
    return check([made.experiment], made.folder, command=COMMAND, known=KnownSeals(cache), whole_phase=False)


def names(made: OnDisk) -> list[str]:
    return [target.path.name for target in made.targets]


def test_a_second_check_renders_nothing(made: OnDisk, rendered: list[str], cache: Path) -> None:
    assert looked(made, cache) == 0
    assert rendered == names(made)
    rendered.clear()
    assert looked(made, cache) == 0
    assert rendered == []


def test_without_a_cache_everything_is_rendered(made: OnDisk, rendered: list[str]) -> None:
    assert looked(made, None) == looked(made, None) == 0
    assert rendered == names(made) * 2


@pytest.mark.parametrize("way", ["stale", "edited", "reformatted", "foreign", "empty", "edited bytes that are no text"])
def test_a_file_that_is_not_what_was_sealed_is_found(
    made: OnDisk, rendered: list[str], cache: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(made, cache)
    state, content = contents(made.targets[0].text)[way]
    made.targets[0].path.write_bytes(content)
    assert looked(made, cache) == 1
    assert f"{state.value}: " in capsys.readouterr().err


def test_a_missing_file_is_found(made: OnDisk, rendered: list[str], cache: Path) -> None:
    looked(made, cache)
    made.targets[0].path.unlink()
    assert looked(made, cache) == 1


def test_another_generator_renders_anew(
    made: OnDisk, rendered: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(made, cache)
    monkeypatch.setattr(freshness, "generator_sha256", lambda: "another")
    rendered.clear()
    looked(made, cache)
    assert rendered == names(made)


def test_the_generators_hash_covers_all_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "_PROJECT", tmp_path)
    sources = ["codegen/blocks/one.py", *(f"runtime/{each}" for each in freshness.READ_FROM_RUNTIME)]
    for source in sources:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text("1")
    hashes = {freshness.generator_sha256()}
    for source in [*sources, "codegen/two.py"]:
        (tmp_path / source).write_text("2")
        hashes.add(freshness.generator_sha256())
    assert len(hashes) == len(sources) + 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b'{"generator": 1}', b"[" * 100_000, b'{"seals": 3}']
)
def test_a_damaged_cache_is_no_use_and_no_error(made: OnDisk, rendered: list[str], cache: Path, content: bytes) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content)
    assert looked(made, cache) == 0
    assert rendered == names(made)
    assert len(json.loads(cache.read_text())["seals"]) == 2


def test_a_cache_that_cannot_be_kept_is_no_error(made: OnDisk, rendered: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert looked(made, tmp_path / "file" / "seals.json") == 0


def test_a_poisoned_cache_cannot_vouch_for_an_edit(made: OnDisk, rendered: list[str], cache: Path) -> None:
    looked(made, cache)
    poisoned = json.loads(cache.read_text())
    poisoned["seals"] = dict.fromkeys(poisoned["seals"], "0" * 64)
    cache.write_text(json.dumps(poisoned))
    made.targets[0].path.write_bytes(contents(made.targets[0].text)["edited"][1])
    assert looked(made, cache) == 1


def test_the_cache_is_the_users_alone(made: OnDisk, rendered: list[str], cache: Path) -> None:
    looked(made, cache)
    assert not cache.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
