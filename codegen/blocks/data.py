"""``load_data()`` and ``make_experiment()``: from the file to labels and an isolated split."""

from __future__ import annotations

from codegen.request.spec import ExperimentSpec
from codegen.syntax.expressions import attribute, call, divide, multiline_call, name
from codegen.syntax.statements import Statement, assign, function, return_


def load_data(spec: ExperimentSpec) -> Statement:
    """Load the data, refusing any other than the script was written for."""
    panel = {"assets": name("ASSETS")} if spec.assets else {}
    if spec.holdout_assets:
        panel["holdout_assets"] = name("HOLDOUT_ASSETS")
    if spec.training_assets:
        panel["training_assets"] = name("TRAINING_ASSETS")
    load = multiline_call(
        "load_series",
        divide(name("PROJECT"), name("DATA_PATH")),
        content_sha256=name("DATA_SHA256"),
        feature_columns=name("FEATURE_COLUMNS"),
        timescale=name("TIMESCALE"),
        **panel,
    )
    return function(
        "load_data",
        [],
        [return_(load)],
        returns=name("Series"),
        docstring="Load the prices and refuse any other data than this script was written for.",
    )


def make_experiment(spec: ExperimentSpec) -> Statement:
    """Labels from raw prices and the split, isolated by construction."""
    splitter = multiline_call(
        "ChunkSplitter",
        total_days=call("len", attribute(name("series"), "calendar")),
        context_length=name("CONTEXT_LENGTH"),
        horizon=call("series.horizon_in_bars", name("HORIZON")),
        val_ratio=name("VAL_RATIO"),
        test_ratio=name("TEST_RATIO"),
        seed=name("SPLIT_SEED"),
        chunk_length=name("CHUNK_LENGTH"),
        mode=name("SPLIT_MODE"),
        embargo=name("EMBARGO"),
        max_gap_days=name("MAX_GAP_DAYS"),
    )
    labels = call("series.labels", threshold=name("THRESHOLD"), horizon=name("HORIZON"), price=name("LABEL_PRICE"))
    normalisation = {"normalisation": name("NORMALISATION")} if spec.normalisation else {}
    experiment = multiline_call(
        "Experiment",
        name=name("EXPERIMENT"),
        phase=name("PHASE"),
        budget=name("BUDGET"),
        task=name("TASK"),
        threshold=name("THRESHOLD"),
        label_price=name("LABEL_PRICE"),
        horizon=name("HORIZON"),
        timescale=name("TIMESCALE"),
        series=name("series"),
        labels=labels,
        splitter=name("splitter"),
        splits=call(attribute(name("splitter"), "split"), attribute(name("series"), "timeline")),
        **normalisation,
    )
    body = [
        assign("series", call("load_data")),
        assign("splitter", splitter),
        return_(experiment),
    ]
    return function(
        "make_experiment",
        [],
        body,
        returns=name("Experiment"),
        docstring="Label every day from raw prices and split the days: no two splits share one.",
    )
