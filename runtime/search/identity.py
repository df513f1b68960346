"""What tells one search from another: a study of another search is never continued."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import distribution_to_json

from data.differences import differences, names_of, noted
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
        UserError: naming the way out, with a note for each difference.
    """
    wanted = json.loads(json.dumps(identity))  # as a storage gives it back
    stored = study.user_attrs.get("identity")
    if stored is None:
        study.set_user_attr("identity", wanted)
        return
    stored.setdefault("workers", 1)  # as it was before there could be more
    if not (found := list(differences(stored, wanted))):
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
    raise noted(UserError(f"{folder} holds another search: it differs in {names_of(found)}; {way_out}"), found)


def _workers(identity: Mapping[str, Any]) -> str:
    return f"{identity['workers']} worker{'s' if identity['workers'] > 1 else ''}"


def searched_space(suggest: Callable[[optuna.Trial], Hyperparameters]) -> dict[str, Any]:
    """Name and range, as Optuna writes it, of each value that ``suggest`` draws."""
    probe = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(probe)
    return {name: json.loads(distribution_to_json(each)) for name, each in probe.distributions.items()}
