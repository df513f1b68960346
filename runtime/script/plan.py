"""What a script is about, in words, before it costs anything."""

from __future__ import annotations

from runtime.samples.experiment import Experiment
from runtime.samples.history import missing_history
from runtime.samples.series import Series


def _look_back(series: Series) -> int:
    """Days before its own that a feature reads, as far as they are ours."""
    from data.features import look_back

    days = look_back()
    return max((days[name] for name in series.feature_columns if name in days), default=0)


def print_experiment(experiment: Experiment) -> None:
    """Print data, split with positives, isolation, what the split cannot show, and how long a history could.

    Raises:
        UserError: if training holds one class only.
    """
    series, splitter, splits = experiment.series, experiment.splitter, experiment.splits
    days = "1 trading day" if experiment.horizon == 1 else f"{experiment.horizon} trading days"
    print(f"{experiment.name}: {experiment.task}, horizon {days}, {experiment.timescale} bars")
    assets = f" of {len(series.assets)} assets" if series.assets else ""
    print(
        f"data: {len(series)} bars{assets} from {series.calendar[0]} to {series.calendar[-1]}, "
        f"{len(series.feature_columns)} features, content sha256 {series.content_sha256[:12]}…"
    )
    print(
        f"split: {len(splits.val_chunks)} validation and {len(splits.test_chunks)} test chunks "
        f"of {splitter.chunk_rows} bars, seed {splitter.seed}, {splitter.mode}, embargo {splitter.embargo}"
    )
    for name, labels in experiment.split_labels():
        positives = int(labels.sum())
        print(f"  {name:<10} {labels.size:>6} samples, {positives:>5} positives ({positives / labels.size:.2%})")
    print(f"  {experiment.day_isolation()}")
    if unseen := series.holdout_assets:
        print(f"  test alone holds samples of {len(unseen)} assets that never train: {', '.join(unseen)}")
    if len(series.training_assets) + len(unseen) < len(series.assets):
        trained = ", ".join(series.training_assets)
        print(f"  only {trained} train; validation and test hold samples of every asset that is not held out, too")
    print(
        f"  features look back up to {_look_back(series)} days: training rows after a held-out chunk are computed from "
        "some of its prices, and no feature from a later price"
    )
    for sentence in (*experiment.thin_splits(), *missing_history(experiment)):
        print(f"  warning: {sentence}")
    experiment.require_two_classes("training")
