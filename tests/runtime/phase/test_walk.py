"""A walk against what each node's fate must be, worked out one by one, over random graphs, endings and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.phase.graph import Node
from runtime.phase.walk import DONE, MOST_RESTARTS, Ending, State, Walk

CODES = (0, 0, 0, 1, 2, 75, 123, -9)


def node(number: int, needs: Sequence[int] = (), kind: str = "train") -> Node:
    prefix = "hpo" if kind == "search" else "train"
    script = Path(f"/project/experiments/phase0/{prefix}_{number}.py")
    named = tuple(f"train phase0/{need}" for need in needs)
    return Node(kind, script, ("x",), Path(f"/outputs/{number}"), named)  # type: ignore[arg-type]


@dataclass
class Scripted:
    """An engine whose nodes end as told, in an order as told."""

    codes: dict[str, list[int]]
    jobs: int
    order: Sequence[int] = (0,)
    running: list[Node] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    most: int = 0
    interrupt_after: int | None = None
    stopped: bool = False

    def has_room(self) -> bool:
        return len(self.running) < self.jobs

    def is_idle(self) -> bool:
        return not self.running

    def start(self, node: Node) -> None:
        assert not self.stopped, "nothing starts after a stop"
        self.started.append(node.name)
        self.running.append(node)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds: float) -> Sequence[tuple[Node, Ending]]:
        if self.interrupt_after is not None and len(self.started) >= self.interrupt_after:
            raise KeyboardInterrupt
        turn = self.order[len(self.started) % len(self.order)] % len(self.running)
        ended = self.running.pop(turn)
        codes = self.codes[ended.name]
        return [(ended, Ending(codes.pop(0) if codes[1:] else codes[0], "last words"))]

    def stop(self) -> None:
        self.stopped = True
        self.running = []

    def close(self) -> None: ...


def never(node: Node) -> bool:
    return False


def no_generation(node: Node) -> tuple[State, str]:
    raise AssertionError


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Node], dict[str, list[int]], set[str]]:
    size = draw(st.integers(1, 8))
    nodes = [node(n, sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else ()) for n in range(size)]
    codes = {each.name: [draw(st.sampled_from(CODES))] for each in nodes}
    earlier = {each.name for each in nodes if draw(st.booleans()) and draw(st.booleans())}
    return nodes, codes, earlier


def fates(nodes: list[Node], codes: dict[str, list[int]], earlier: set[str]) -> dict[str, State]:
    """What must become of each node, whatever the order."""
    found: dict[str, State] = {}
    for each in nodes:
        if any(found[need] not in DONE for need in each.needs):
            found[each.name] = State.NOT_RUN
        elif each.name in earlier:
            found[each.name] = State.EARLIER
        else:
            code = codes[each.name][-1]
            found[each.name] = {0: State.FINISHED, 75: State.INTERRUPTED}.get(code, State.FAILED)
    return found


@given(graphs(), st.integers(1, 4), st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_every_node_meets_its_fate(
    graph: tuple[list[Node], dict[str, list[int]], set[str]], jobs: int, order: list[int]
) -> None:
    nodes, codes, earlier = graph
    engine = Scripted({name: list(each) for name, each in codes.items()}, jobs, order)
    walk = Walk(nodes, engine, generate=no_generation, is_finished=lambda each: each.name in earlier)
    statuses = walk.run()
    expected = fates(nodes, codes, earlier)
    assert {name: status.state for name, status in statuses.items()} == expected
    runs = {name: 1 + MOST_RESTARTS * (codes[name][0] < 0) for name in expected}
    skipped = (State.NOT_RUN, State.EARLIER)
    assert {name: engine.started.count(name) for name in expected} == {
        name: 0 if expected[name] in skipped else runs[name] for name in expected
    }
    assert engine.most <= jobs
    for each in nodes:
        for need in each.needs:
            if each.name in engine.started and need in engine.started:
                assert engine.started.index(need) < engine.started.index(each.name)


@given(graphs(), st.integers(1, 3))
def test_jobs_are_used_whenever_something_is_ready(
    graph: tuple[list[Node], dict[str, list[int]], set[str]], jobs: int
) -> None:
    nodes, _, _ = graph
    alone = [node(number) for number in range(len(nodes))]
    engine = Scripted({each.name: [0] for each in alone}, jobs)
    Walk(alone, engine, generate=no_generation, is_finished=never).run()
    assert engine.most == min(jobs, len(alone))


def test_the_rest_is_told_who_is_to_blame() -> None:
    nodes = [node(0), node(1, [0]), node(2, [1]), node(3)]
    engine = Scripted({each.name: [0] for each in nodes} | {"train phase0/0": [1]}, 1)
    statuses = Walk(nodes, engine, generate=no_generation, is_finished=never).run()
    assert statuses["train phase0/0"].reason == "last words"
    for name in ("train phase0/1", "train phase0/2"):
        assert statuses[name].reason == "train phase0/0 failed"
    assert statuses["train phase0/3"].state is State.FINISHED


def test_a_killed_node_goes_on_until_it_was_killed_too_often() -> None:
    engine = Scripted({"train phase0/0": [-9, -15, 0]}, 1)
    statuses = Walk([node(0)], engine, generate=no_generation, is_finished=never).run()
    assert (statuses["train phase0/0"].state, statuses["train phase0/0"].restarts) == (State.FINISHED, 2)


def test_fail_fast_stops_what_runs_and_starts_nothing_more() -> None:
    nodes = [node(0), node(1), node(2), node(3, [1])]
    engine = Scripted({each.name: [0] for each in nodes} | {"train phase0/0": [1]}, 2)
    statuses = Walk(nodes, engine, generate=no_generation, is_finished=never, fail_fast=True).run()
    states = [statuses[each.name].state for each in nodes]
    assert states == [State.FAILED, State.INTERRUPTED, State.NOT_RUN, State.NOT_RUN]
    assert statuses["train phase0/2"].reason == "stopped before its turn"
    assert engine.stopped


def test_an_interruption_stops_the_engine_and_leaves_the_truth() -> None:
    nodes = [node(0), node(1), node(2)]
    engine = Scripted({each.name: [0] for each in nodes}, 2, interrupt_after=2)
    walk = Walk(nodes, engine, generate=no_generation, is_finished=never)
    with pytest.raises(KeyboardInterrupt):
        walk.run()
    assert engine.stopped
    states = [walk.statuses[each.name].state for each in nodes]
    assert states == [State.INTERRUPTED, State.INTERRUPTED, State.NOT_RUN]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((State.FINISHED, ""), State.FINISHED),
        ((State.FAILED, "edited by hand"), State.NOT_RUN),
        ((State.LEFT, "next: x"), State.NOT_RUN),
    ],
)
def test_generation_happens_between_search_and_training(answer: tuple[State, str], state: State) -> None:
    search = Node("search", Path("/p/experiments/phase0/hpo_a.py"), ("x",), Path("/o/a"))
    script = Path("/p/experiments/phase0/train_a.py")
    generate = Node("generate", script, ("x",), Path("/o/a"), (search.name,))
    train = Node("train", script, ("x",), Path("/o/a"), (generate.name,))
    engine, seen = Scripted({search.name: [0], train.name: [0]}, 4), []

    def write(each: Node) -> tuple[State, str]:
        seen.append((each.name, list(engine.started)))
        return answer

    statuses = Walk([search, generate, train], engine, generate=write, is_finished=never).run()
    assert seen == [(generate.name, [search.name])], "once, and after its search"
    assert statuses[generate.name].state is answer[0]
    assert statuses[train.name].state is state
    if state is State.NOT_RUN:
        assert statuses[train.name].reason.startswith("generate phase0/a ")
