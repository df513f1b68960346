"""From what the generator tells to the nodes of a walk."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.phase.graph import make_nodes, read_graph
from tests.helpers.questions import ask, leave_finding, make_finding
from tests.helpers.small_project import SOURCE

GRAPH = {
    "searches": [
        {"script": f"experiments/phase6a/hpo_2M_threshold_{each}pct.py", "finding": f"found{each}", "finished": False}
        for each in (1, 3)
    ],
    "trainings": [
        {
            "script": "experiments/phase6b/train_2M_threshold_2pct_h5.py",
            "searches": [f"experiments/phase6a/hpo_2M_threshold_{each}pct.py" for each in (1, 3)],
            "sharding": "none",
            "generate": ["python", "-m", "codegen", "phase6b", "2M", "threshold_2pct", "--horizon", "5"],
        }
    ],
}


def test_a_finding_is_written_between_its_search_and_the_training(tmp_path: Path) -> None:
    for each in (*GRAPH["searches"], *GRAPH["trainings"]):
        (tmp_path / str(each["script"])).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / str(each["script"])).touch()
    flags = {"search_flags": ["--device", "cpu"], "train_flags": ["--seeds", "3"]}
    one, other, generate, train = make_nodes(GRAPH, tmp_path, tmp_path / "outputs", **flags)
    assert (one.name, other.name) == ("search phase6a/2M_threshold_1pct", "search phase6a/2M_threshold_3pct")
    assert one.shown == "python experiments/phase6a/hpo_2M_threshold_1pct.py --device cpu"
    assert one.finding == tmp_path / "found1"
    assert one.log == tmp_path / "outputs/phase6a/hpo_2M_threshold_1pct/run.log"
    assert (generate.name, generate.needs) == ("generate phase6b/2M_threshold_2pct_h5", (one.name, other.name))
    assert generate.shown == "python -m codegen phase6b 2M threshold_2pct --horizon 5"
    assert (train.needs, train.kind, train.finding) == ((generate.name,), "train", None)
    assert train.shown == "python experiments/phase6b/train_2M_threshold_2pct_h5.py --seeds 3"
    assert train.output == tmp_path / "outputs/phase6b/train_2M_threshold_2pct_h5"
    assert {node.ranks for node in make_nodes(GRAPH, tmp_path, tmp_path / "outputs", **flags, gpus=4)} == {1}
    shared = GRAPH | {"trainings": [each | {"sharding": "fsdp"} for each in GRAPH["trainings"]]}
    for gpus, ranks in ((0, 1), (1, 1), (4, 4)):
        *others, train = make_nodes(shared, tmp_path, tmp_path / "outputs", **flags, gpus=gpus)
        assert ([node.ranks for node in others], train.ranks) == ([1, 1, 1], ranks)


def test_a_script_that_is_missing_is_said_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"hpo_2M_threshold_1pct\.py is missing; .*: python -m codegen phase6a"):
        make_nodes(GRAPH, tmp_path, tmp_path, search_flags=[], train_flags=[])


def test_what_the_generator_refuses_is_refused_in_its_words() -> None:
    with pytest.raises(UserError, match="phase 'phase6z' is not known; allowed: phase6a, phase6b, phase6c"):
        read_graph(SOURCE, ["phase6z"])
    assert len(read_graph(SOURCE, ["phase6a", "2M"])["trainings"]) == 4


def test_the_notes_of_such_a_refusal_go_on_being_lines_of_their_own(project: Path) -> None:
    cell, request = ask(project)
    leave_finding(cell, project, make_finding(cell, request) | {"horizon": 5})
    with pytest.raises(UserError, match=r"was searched with other values: it differs in horizon; ") as refusal:
        read_graph(project, ["phase6a", "2M", "threshold_1pct"])
    assert refusal.value.__notes__ == ["horizon is 5 there and 1 in this script"]
