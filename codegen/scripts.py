"""The two kinds of script: which blocks, in which order. The functions here are the library's interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codegen.blocks import constants, data, entry, header, imports, search, training
from codegen.blocks.consumption import require_consumed, watch
from codegen.request.choices import PROJECT, require_choice
from codegen.request.phases import search_first, sources_of
from codegen.request.request import Request
from codegen.request.resolve import resolve_hpo, resolve_training
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from codegen.seal import apply_seal
from codegen.syntax.render import render
from codegen.syntax.statements import Statement, module


def generate_hpo_script(
    *,
    experiment: str,
    phase: str,
    budget: str,
    task: str,
    horizon: int,
    timescale: str,
    data_path: str,
    feature_columns: Sequence[str] | None = None,
    n_trials: int = 50,
    timeout_hours: float = 4.0,
    context_length: int = 60,
    val_ratio: float = 0.15,
    test_ratio: float = 0.15,
    hpo_train_fraction: float = 0.3,
    chunk_length: int | None = None,
    seed: int = 42,
    search_seed: int = 42,
    training_seed: int = 42,
    split_mode: str = "scattered",
    embargo: int = 0,
    max_gap_days: int = 10,
    holdout_assets: int = 0,
    training_assets: int | None = None,
    label_price: str = "high",
    normalisation: str | None = None,
    project: Path = PROJECT,
) -> str:
    """Write the search script of one experiment.

    Args:
        experiment: ``{phase}_{budget}_{task}``, with ``_h5`` or ``_weekly`` behind for other horizons and timescales.
        phase: a file of ``configs/phases``.
        budget: a file of ``configs/model``, such as ``2M``.
        task: ``threshold_1pct``, ``threshold_2pct``, ``threshold_3pct`` or ``threshold_5pct``.
        horizon: 1, 2, 3, 5 or 7 trading days.
        timescale: ``daily``, ``2d``, ``3d``, ``5d`` or ``weekly``.
        data_path: parquet file inside the project, with an entry in ``data/manifest.json``.
        feature_columns: channels; None takes every column that is neither date, price nor volume.
        n_trials, timeout_hours: the search ends with whichever comes first.
        context_length: bars of an input window.
        val_ratio, test_ratio: shares of chunks held out.
        hpo_train_fraction: share of the training samples that trials train on.
        chunk_length: bars of a held-out chunk; None takes 3 * (context_length + 7).
        seed, search_seed, training_seed: of the split, the sampler, and weights, order and dropout.
        split_mode: ``scattered`` or ``contiguous``.
        embargo: bars around held-out chunks that no training sample touches.
        max_gap_days: calendar days of the longest hole that a sample may lie across.
        holdout_assets: of a panel, how many assets never train and are judged apart.
        training_assets: of a panel, how many of the others train; None for all. All of them are validated and judged.
        label_price: a rule of `runtime.samples.labels`: ``high`` (touched) or ``close`` (closed above).
        normalisation: ``standard`` (mean and deviation) or ``quantiles``; None takes quantiles on a panel of assets.
        project: folder that holds ``configs`` and ``data``.

    Returns:
        The script's text, sealed; the same bytes for the same arguments.

    Raises:
        ValueError: one line that says what was given and what is allowed.
    """
    return render_hpo(resolve_hpo(_request(locals())))


def generate_training_script(
    *,
    experiment: str,
    phase: str,
    budget: str,
    task: str,
    horizon: int,
    timescale: str,
    data_path: str,
    feature_columns: Sequence[str] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    borrowed_from: str | Sequence[str] | None = None,
    context_length: int = 60,
    val_ratio: float = 0.15,
    test_ratio: float = 0.15,
    chunk_length: int | None = None,
    seed: int = 42,
    training_seed: int = 42,
    split_mode: str = "scattered",
    embargo: int = 0,
    max_gap_days: int = 10,
    holdout_assets: int = 0,
    training_assets: int | None = None,
    label_price: str = "high",
    normalisation: str | None = None,
    project: Path = PROJECT,
) -> str:
    """Write the training script of one experiment.

    Args:
        hyperparameters: ``architecture`` and the searched values; empty writes a script that says what to run first.
        borrowed_from: experiment whose search the hyperparameters come from, for the record; for a task between two
            searches either of them, or both, mean the pair.

    The other arguments, the answer and the errors are those of `generate_hpo_script`.
    """
    given = locals()
    found = dict(given.pop("hyperparameters") or {})
    borrowed = given.pop("borrowed_from")
    request = _request(given)
    provenance: dict[str, Any] = {"source": "given to generate_training_script"}
    if borrowed is not None:
        searched = [source.experiment for source in sources_of(request)]
        for name in [borrowed] if isinstance(borrowed, str) else borrowed:
            require_choice("borrowed_from", name, searched)
        provenance = {"borrowed_from": searched}
    spec = resolve_training(
        request,
        hyperparameters=found,
        provenance=provenance if found or borrowed else {},
        search_first=search_first(request),
    )
    return render_training(spec)


def render_hpo(spec: HpoSpec) -> str:
    """The sealed text of a search script.

    Raises:
        RenderError: if a field of the spec reaches no block, or the text is not valid: a bug of ours.
    """
    spec = watch(spec)
    body = [
        *imports.hpo_imports(spec),
        *constants.experiment_constants(spec),
        *constants.data_constants(spec),
        *constants.split_constants(spec),
        *constants.model_constants(spec, searched=False),
        *constants.search_constants(spec),
        *constants.training_constants(spec),
        *constants.feature_constants(spec),
        data.load_data(spec),
        data.make_experiment(spec),
        search.suggest(spec),
        search.make_objective(spec),
        search.main(spec),
        entry.entry_point(),
    ]
    return _finish(spec, header.HPO_DOCSTRING, body)


def render_training(spec: TrainingSpec) -> str:
    """The sealed text of a training script; see `render_hpo`."""
    spec = watch(spec)
    body = [
        *imports.training_imports(spec),
        *constants.experiment_constants(spec),
        *constants.data_constants(spec),
        *constants.split_constants(spec),
        *constants.model_constants(spec, searched=True),
        *constants.hyperparameter_constants(spec),
        *constants.training_constants(spec, spec.sharding),
        *constants.feature_constants(spec),
        data.load_data(spec),
        data.make_experiment(spec),
        training.make_recipe(spec),
        training.make_trainer(spec),
        training.main(spec),
        entry.entry_point(),
    ]
    return _finish(spec, header.TRAINING_DOCSTRING, body)


def _finish(spec: ExperimentSpec, docstring: str, body: Sequence[Statement]) -> str:
    tree = module(header.header_comments(spec), docstring, body)
    require_consumed(spec)
    return apply_seal(render(tree))


def _request(arguments: Mapping[str, Any]) -> Request:
    return Request(**arguments)
