"""What a dry run shows of a phase: its nodes, what is finished, and about how long the rest takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch

from runtime.phase.estimate import operations_per_second, search_hours, training_hours
from runtime.phase.graph import Node
from runtime.phase.openings import load_script


def print_outlook(
    nodes: Sequence[Node],
    unfinished: Collection[Node],
    closed: Mapping[str, str],
    device: torch.device,
    networks: int,
) -> None:
    """Print one line a node, in the order in which they would run, and the sum.

    Args:
        nodes: of the whole graph.
        unfinished: the searches and trainings among them that have something to do.
        closed: trainings whose test split stays closed.
        device: where they would run.
        networks: how many each training trains.
    """
    speed, total = operations_per_second(device), 0.0
    for node in nodes:
        if node.kind == "generate":
            print(f"{node.name}: {node.shown}")
        elif node not in unfinished:
            print(f"{node.name}: finished")
        else:
            hours = _hours(node, speed, networks)
            total += hours
            where = "; test split stays closed" if node.name in closed else ""
            print(f"{node.name}: about {hours:.2f} h{where}")
    print(
        f"in all about {total:.2f} hours one after the other on {device}, estimated from sizes and this device's "
        "matrix products; a script's own --dry-run measures its steps"
    )


def _hours(node: Node, speed: float, networks: int) -> float:
    script = load_script(node.script)
    experiment = script.make_experiment()
    if node.kind == "search":
        return search_hours(script, experiment, speed)
    return training_hours(script, experiment, speed, networks)
