"""Which search feeds which training, as ``--graph`` tells it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers.small_project import run


def graph(project: Path, *arguments: str) -> dict[str, list[dict[str, object]]]:
    answer = run(project, "-m", "codegen", *arguments, "--graph")
    assert (answer.returncode, answer.stderr) == (0, "")
    told: dict[str, list[dict[str, object]]] = json.loads(answer.stdout)
    return told


def test_a_task_between_two_searches_needs_both(project: Path) -> None:
    told = graph(project, "phase6a", "2M", "threshold_2pct")
    searches = [f"experiments/phase6a/hpo_2M_threshold_{percent}pct.py" for percent in (1, 3)]
    assert [each["script"] for each in told["searches"]] == searches
    assert [each["finished"] for each in told["searches"]] == [False, False]
    assert told["trainings"] == [
        {
            "script": "experiments/phase6a/train_2M_threshold_2pct.py",
            "searches": searches,
            "sharding": "none",
            "generate": ["python", "-m", "codegen", "phase6a", "2M", "threshold_2pct"],
        }
    ]
    assert not (project / "experiments").exists(), "nothing is written"


def test_a_phase_that_borrows_needs_searches_of_another(project: Path) -> None:
    told = graph(project, "phase6b", "2M", "threshold_1pct")
    assert [each["script"] for each in told["searches"]] == ["experiments/phase6a/hpo_2M_threshold_1pct.py"]
    scripts = [f"experiments/phase6b/train_2M_threshold_1pct_h{horizon}.py" for horizon in (2, 3, 5, 7)]
    assert [each["script"] for each in told["trainings"]] == scripts
    assert told["trainings"][0]["generate"] == [
        *["python", "-m", "codegen", "phase6b", "2M", "threshold_1pct", "--horizon", "2"]
    ]


def test_a_whole_phase_names_each_search_once(project: Path) -> None:
    told = graph(project, "phase6a")
    assert (len(told["searches"]), len(told["trainings"])) == (12, 16)


def test_a_script_is_written_again_by_its_own_command(project: Path) -> None:
    asked = ["-m", "codegen", "phase6a", "2M", "threshold_1pct", "--trials", "3"]
    assert run(project, *asked).returncode == 0
    assert graph(project, "phase6a", "2M", "threshold_1pct")["trainings"][0]["generate"] == ["python", *asked]


def test_a_finding_that_is_none_is_refused(project: Path) -> None:
    finding = project / "experiments/phase6a/hpo_2M_threshold_1pct.best.json"
    finding.parent.mkdir(parents=True)
    finding.write_text("{}")
    answer = run(project, "-m", "codegen", "phase6a", "2M", "--graph")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: experiments/phase6a/hpo_2M_threshold_1pct.best.json: ")
