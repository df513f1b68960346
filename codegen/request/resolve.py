"""From a request to a complete spec: configurations, data schema and manifest are read here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.request import choices
from codegen.request.choices import UsageError, require_choice
from codegen.request.configs import load_hpo, load_model
from codegen.request.parameters import Parameters, SearchParameters, default_chunk_length, values_of
from codegen.request.phase_files import load_phase
from codegen.request.request import Request
from codegen.request.spec import HpoSpec, TrainingSpec
from runtime.model.architecture import Architecture
from runtime.training.recipe import SEARCHED

if TYPE_CHECKING:
    from data.manifest import DatasetEntry

_DATA_SHAPE = ("num_channels", "context_length")  # stand elsewhere in a script, as data and split


def resolve_hpo(request: Request) -> HpoSpec:
    """The spec of a search script.

    Raises:
        UsageError: if a configuration, the data or the request cannot be used.
    """
    common = _common(request)
    hpo = load_hpo(request.budget, request.project)
    solved = _solve(request, common["feature_columns"])
    return HpoSpec(
        **common,
        architectures={name: _without(asdict(each), common["model"], _DATA_SHAPE) for name, each in solved.items()},
        space=hpo.space_for(panel=bool(common["assets"])).draws(),
        **values_of(request, SearchParameters),
        startup_trials=hpo.pruning.startup_trials,
        pruning_warmup_epochs=round(hpo.pruning.warmup_share * common["fixed"]["max_epochs"]),
    )


def resolve_training(
    request: Request, *, hyperparameters: Mapping[str, Any], provenance: Mapping[str, Any], search_first: Sequence[str]
) -> TrainingSpec:
    """The spec of a training script.

    Args:
        request: the question.
        hyperparameters: ``architecture`` (a candidate's name, or several for validation to choose from) and the
            searched recipe values; empty when not known.
        provenance: where they come from, for the record.
        search_first: commands to run while they are empty.

    Raises:
        UsageError: if a configuration, the data, the request or a hyperparameter cannot be used.
    """
    common = _common(request)
    recipe = dict(hyperparameters)
    architectures: dict[str, dict[str, Any]] = {}
    if recipe:
        _require_names(recipe, ("architecture", *SEARCHED))
        solved = _solve(request, common["feature_columns"])
        chosen = recipe.pop("architecture")
        for name in [chosen] if isinstance(chosen, str) else chosen:
            require_choice(f"architecture of budget {request.budget}", name, solved)
            architectures[name] = _without(asdict(solved[name]), common["model"], _DATA_SHAPE)
    return TrainingSpec(
        **common,
        hyperparameters=recipe,
        architectures=architectures,
        provenance=dict(provenance),
        search_first=() if hyperparameters else tuple(search_first),
        sharding=_sharding(request),
    )


def _sharding(request: Request) -> str | None:
    asked = load_model(request.budget, request.project).sharding
    return None if asked == "none" else asked


def _common(request: Request) -> dict[str, Any]:
    hpo, model = load_hpo(request.budget, request.project), load_model(request.budget, request.project)
    columns, every, entry = read_schema(request)
    assets = tuple(entry.assets)
    return {
        "command": (request if columns != every else replace(request, feature_columns=None)).command(),
        "experiment": request.experiment,
        "phase": request.phase,
        "budget": request.budget,
        "task": request.task,
        "horizon": request.horizon,
        "timescale": request.timescale,
        "threshold": choices.THRESHOLDS[request.task],
        "data_path": request.data_path,
        "data_sha256": entry.content_sha256,
        "assets": assets,
        **choose_assets(assets, request),
        "feature_columns": columns,
        **values_of(request, Parameters),
        "chunk_length": request.chunk_length or default_chunk_length(request.context_length),
        "normalisation": choose_normalisation(assets, request),
        "parameter_budget": model.parameters,
        "model": model.shared(),
        "fixed": hpo.fixed_for(panel=bool(assets)),
        "checkpoint_activations": model.checkpoint_activations,
    }


def choose_normalisation(assets: Sequence[str], request: Request) -> str | None:
    """How features are put on one scale: quantiles on a panel, unless asked otherwise; None, which is no line of a
    script, by mean and deviation."""
    asked = request.normalisation or ("quantiles" if assets else "standard")
    return None if asked == "standard" else asked


def choose_assets(assets: Sequence[str], request: Request) -> dict[str, tuple[str, ...]]:
    """The assets of a panel that are judged apart, and those of the others that train where not all of them do.

    Both are drawn by the split's seed, and fewer are always among more.

    Raises:
        UsageError: if none would be left, the data are no panel, or a panel is asked for at another timescale.
    """
    apart, trained = request.holdout_assets, request.training_assets
    if assets and request.timescale != "daily":
        raise UsageError(f"timescale {request.timescale!r}: {request.data_path} is a panel, which has daily bars only")
    there = f"{len(assets)} assets" if assets else "one series, no panel of assets"
    if apart and apart >= len(assets):
        raise UsageError(f"--holdout-assets {apart}: {request.data_path} holds {there}, and some must train")
    if trained and trained >= len(assets) - apart:
        some = f"fewer than {len(assets) - apart}, or all" if assets else "leave it away"
        raise UsageError(f"--training-assets {trained}: {request.data_path} holds {there}; allowed: {some}")
    if not assets and load_phase(request.phase, request.project).training_assets:
        raise UsageError(
            f"{request.phase} asks how many assets are enough, and {request.data_path} holds {there}; name a panel "
            "with --data (python -m data import FILES --name NAME makes one)"
        )
    drawn = sorted(assets, key=lambda name: hashlib.sha256(f"{request.seed} {name}".encode()).digest())
    chosen = drawn[apart : apart + trained] if trained else []
    return {
        "holdout_assets": tuple(name for name in assets if name in drawn[:apart]),
        "training_assets": tuple(name for name in assets if name in chosen),
    }


def read_schema(request: Request) -> tuple[tuple[str, ...], tuple[str, ...], DatasetEntry]:
    """Of the data a request names: its feature columns, all that there are, and what the manifest says of it.

    Raises:
        UsageError: if the file or its manifest entry is missing or named otherwise, or a column cannot be used.
    """
    import pyarrow
    import pyarrow.parquet

    from data.content import file_sha256
    from data.errors import DataError
    from data.manifest import entry_for, key_of, load
    from data.names import require_own_name

    path = request.project / request.data_path
    try:
        key = key_of(Path(request.data_path), request.project)
        entry = entry_for(Path(request.data_path), request.project)
        require_own_name(key, load(request.project))
        present = pyarrow.parquet.read_schema(path).names
    except DataError as error:
        raise UsageError(str(error)) from error
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UsageError(f"{request.data_path}: {error}") from error
    if request.data_path != key:  # the same data must give the same bytes, on every machine
        raise UsageError(f"{request.data_path}: write it as it stands in the manifest: {key}")
    if file_sha256(path) != entry.file_sha256:  # another writer's bytes may hold the same values
        from data.verify import check_file

        if (finding := check_file(key, entry, request.project)).level == "failure":
            raise UsageError(finding.message)
    features = [name for name in present if name not in choices.NOT_FEATURES]
    columns = tuple(features if request.feature_columns is None else request.feature_columns)
    missing = [name for name in (*choices.NEEDED_COLUMNS, *columns) if name not in present]
    if missing or not columns or "Date" in columns or len(set(columns)) < len(columns):
        wrong = f"lacks the columns {missing}" if missing else "needs feature columns, each once and never Date"
        guess = choices.nearest(missing[0], features) if missing else None
        raise UsageError(
            f"{request.data_path} {wrong}; it has {present}" + (f". Did you mean {guess}?" if guess else "")
        )
    return columns, tuple(features), entry


def _solve(request: Request, columns: tuple[str, ...]) -> dict[str, Architecture]:
    model = load_model(request.budget, request.project)
    return model.solve(request.budget, num_channels=len(columns), context_length=request.context_length)


def _without(fields: dict[str, Any], *left_out: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not any(name in names for names in left_out)}


def _require_names(given: Mapping[str, Any], expected: Sequence[str]) -> None:
    for name in given:
        require_choice("hyperparameter", name, expected)
    missing = [name for name in expected if name not in given]
    if missing:
        raise UsageError(f"hyperparameters lack {', '.join(missing)}; expected are {', '.join(expected)}")
