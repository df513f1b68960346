"""What tells one search from another: a study of another search is never continued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import distribution_to_json

from runtime.errors import UserError
from runtime.script.stopping import command_with
from runtime.search.objective import Hyperparameters


def check_identity(study: optuna.Study, identity: Mapping[str, Any], folder: Path, *, in_database: bool) -> None:
    """Refuse a study that holds another search; a study that holds none takes this one's identity.

    Args:
        study: new, or to be continued.
        identity: of the search that wants it, see `Search.identity`.
        folder: of the search.
        in_database: whether the study lives elsewhere than in ``folder``.

    Raises:
        UserError: naming the differences, and the way out.
    """
    wanted = json.loads(json.dumps(identity))  # as a storage gives it back
    stored = study.user_attrs.get("identity")
    if stored is None:
        study.set_user_attr("identity", wanted)
        return
    stored.setdefault("workers", 1)  # as it was before there could be more
    if not (found := list(describe_differences(stored, wanted))):
        return
    way_out = "move the folder away, or give another --output"
    if in_database:
        way_out = f"study {study.study_name!r} in that database; give another --storage"
    if stored | {"workers": wanted["workers"]} == wanted:
        raise UserError(
            f"{folder} holds a search with {_workers(stored)}, this command asks for {_workers(wanted)}, which draw "
            f"other trials; continue it with: {command_with('--workers', stored['workers'])}; or to search anew, "
            f"{way_out}"
        )
    more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
    raise UserError(f"{folder} holds another search: {'; '.join(found[:3])}{more}; {way_out}")


def _workers(identity: Mapping[str, Any]) -> str:
    return f"{identity['workers']} worker{'s' if identity['workers'] > 1 else ''}"


def describe_differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    """One sentence for each value in which two nested records differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in there | here:
            below = f"{path}.{name}" if path else name
            yield from describe_differences(there.get(name), here.get(name), below)
    elif there != here:
        yield f"{path} is {there!r} there and {here!r} in this script"


def searched_space(suggest: Callable[[optuna.Trial], Hyperparameters]) -> dict[str, Any]:
    """Name and range, as Optuna writes it, of each value that ``suggest`` draws."""
    probe = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(probe)
    return {name: json.loads(distribution_to_json(each)) for name, each in probe.distributions.items()}
