"""The phase's README: sorted entries, kept dates, nothing of anyone else's lost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.files.actions import Action, run
from codegen.files.check import check
from codegen.files.freshness import KnownSeals
from codegen.files.manifest import ManifestEntry, is_current, update_manifest
from codegen.files.planning import Planned, plan
from codegen.request.choices import HORIZONS, TASKS, TIMESCALES
from codegen.request.phases import ExperimentKey
from tests.helpers.questions import BUDGETS, ask

CELLS = st.builds(
    ExperimentKey,
    phase=st.just("phase6a"),
    budget=st.sampled_from(list(BUDGETS)),
    task=st.sampled_from(TASKS),
    horizon=st.sampled_from(HORIZONS),
    timescale=st.sampled_from(TIMESCALES),
)


def make_entry(cell: ExperimentKey, *seals: str) -> ManifestEntry:
    name = cell.title.removeprefix(f"{cell.budget}_")
    hpo, training = Path(cell.hpo_file).name, Path(cell.training_file).name
    return ManifestEntry(cell, name, hpo, training, "data/processed/SPX_dataset_c.parquet", seals or ("a1b2", "c3d4"))


ENTRIES = st.lists(CELLS.map(make_entry), min_size=1, max_size=6, unique_by=lambda entry: entry.heading)
ONE, OTHER = (make_entry(ExperimentKey("phase6a", "2M", task, 1, "daily")) for task in TASKS[:2])
CHANGED = replace(ONE, seals=("a1b2", "ffff"))
MONDAY, TUESDAY = "2024-01-01", "2024-01-02"


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


def test_an_entry_says_where_everything_is() -> None:
    assert update_manifest(None, "phase6a", [ONE], today=MONDAY) == (
        "# phase6a\n"
        "\n"
        "## 2M - threshold_1pct\n"
        "\n"
        "- **Generated:** 2024-01-01\n"
        "- **HPO Script:** `hpo_2M_threshold_1pct.py`\n"
        "- **Training Script:** `train_2M_threshold_1pct.py`\n"
        "- **Data:** data/processed/SPX_dataset_c.parquet\n"
        "- **Horizon:** 1 day\n"
        "- **Timescale:** daily\n"
        "- **Seals:** a1b2, c3d4\n"
    )


@settings(max_examples=50, deadline=None)
@given(entries=ENTRIES, shuffled=st.randoms(use_true_random=False))
def test_order_and_number_of_updates_do_not_matter(entries: list[ManifestEntry], shuffled: Random) -> None:
    at_once = update_manifest(None, "phase6a", entries, today=MONDAY)
    one_by_one = None
    for entry in shuffled.sample(entries, len(entries)):
        one_by_one = update_manifest(one_by_one, "phase6a", [entry], today=MONDAY)
    assert one_by_one == at_once
    assert update_manifest(at_once, "phase6a", entries, today=TUESDAY) == at_once


def test_entries_stand_by_budget_then_task() -> None:
    budgets, tasks = list(BUDGETS)[::-1], TASKS[::-1]
    cells = [ExperimentKey("phase6a", budget, task, 1, "daily") for budget in budgets for task in tasks]
    text = update_manifest(None, "phase6a", [make_entry(cell) for cell in cells], today=MONDAY)
    assert headings(text) == [f"## {budget} - {task}" for budget in BUDGETS for task in TASKS]


def test_text_by_hand_is_kept() -> None:
    by_hand = "# My phase\n\nWhy we do this: größer is better.\n\n### Small print\n\n", "## Notes\n\nOne.\n"
    again = "## Notes\n\nTwo, under the same name.\n"
    before = by_hand[0] + "\n".join([by_hand[1], again])
    text = update_manifest(before, "phase6a", [OTHER, ONE], today=MONDAY)
    assert text.startswith(by_hand[0])
    assert text.endswith("\n" + by_hand[1] + "\n" + again)
    assert headings(text) == ["## 2M - threshold_1pct", "## 2M - threshold_2pct", "## Notes", "## Notes"]


def test_a_date_changes_with_the_seal_alone() -> None:
    monday = update_manifest(None, "phase6a", [ONE, OTHER], today=MONDAY)
    tuesday = update_manifest(monday, "phase6a", [CHANGED, OTHER], today=TUESDAY)
    assert monday.count(MONDAY) == 2
    assert tuesday == update_manifest(None, "phase6a", [CHANGED], today=TUESDAY) + "\n" + OTHER.render(MONDAY)


def test_a_check_ignores_the_date_and_nothing_else() -> None:
    monday = update_manifest(None, "phase6a", [ONE], today=MONDAY)
    assert is_current(monday, monday.replace(MONDAY, TUESDAY))
    assert not is_current(monday, update_manifest(monday, "phase6a", [CHANGED], today=""))
    assert not is_current(monday, update_manifest(monday, "phase6a", [OTHER], today=""))
    assert not is_current(None, monday)


@pytest.fixture
def readme(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest after one experiment on its default recipe was written."""
    experiment = plan(*ask(project), default_recipe=True)
    target = experiment.scripts[0].render()
    monkeypatch.setattr(Planned, "render", lambda _: target)
    assert act(project) == 0
    return project / "experiments" / "phase6a" / "README.md"


def act(project: Path, *, check_only: bool = False) -> int:
    experiments = [plan(*ask(project), default_recipe=True)]
    folder, command = project / "experiments" / "phase6a", "python -m codegen"
    if check_only:
        return check(experiments, folder, command=command, known=KnownSeals(None), whole_phase=False)
    return run(experiments, folder.parents[1], Action.WRITE, command=command)


def test_an_old_date_is_fresh_and_kept(readme: Path, project: Path) -> None:
    old = re.sub(r"\d{4}-\d\d-\d\d", "1999-12-31", readme.read_text())
    readme.write_text(old)
    assert act(project, check_only=True) == act(project) == 0
    assert readme.read_text() == old


@pytest.mark.parametrize("state", ["stale", "missing"])
def test_a_manifest_that_lacks_an_entry_fails_the_check(
    readme: Path, project: Path, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written = readme.read_text()
    if state == "stale":
        readme.write_text("# phase6a\n")
    else:
        readme.unlink()
    assert act(project, check_only=True) == 1
    assert capsys.readouterr().err == f"{state}: experiments/phase6a/README.md\nfix: python -m codegen\n"
    assert act(project) == act(project, check_only=True) == 0
    assert is_current(readme.read_text(), written)
