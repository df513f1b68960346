"""A panel's results asset by asset, as numbers and words."""

from __future__ import annotations

from runtime.judging.baselines import title_of
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.tables import Cell, Table
from runtime.report.words import typeset


def differences_by_asset(run: ReportedRun, split: str) -> tuple[str, list[tuple[str, float, bool]]]:
    """What the model's log loss is less that of its best rival, chosen on validation, on every asset.

    Returns:
        The rival; name, difference and whether it trains of each asset, the lowest first.

    Raises:
        Unknown: if the record is not of a panel, or names no rival.
    """
    result = run.result
    rival = result.rival() if result else None
    if result is None or rival is None or split not in result.by_asset:
        raise Unknown("the record is not of a panel of assets")
    found = [
        (name, each.log_loss["model"] - each.log_loss[rival], each.trains)
        for name, each in result.by_asset[split].assets.items()
    ]
    return rival, sorted(found, key=lambda each: each[1])


def assets_words(run: ReportedRun, split: str) -> str:
    """On how many assets the model is better than its best rival, and how sure that is.

    Raises:
        Unknown: see `differences_by_asset`.
    """
    rival, found = differences_by_asset(run, split)
    assert run.result is not None
    counted = run.result.by_asset[split].better_than[rival]
    interval = (
        f"95 % of resampled chunks: {counted.bootstrap[0]:.0f} to {counted.bootstrap[1]:.0f}"
        if counted.bootstrap
        else "no interval, as there are fewer than three chunks"
    )
    return (
        f"On {split} the model is better than {title_of(rival)} on {counted.assets} of {len(found)} assets "
        f"({interval}). Assets share their days, so each more of them is less than one more piece of evidence."
    )


def assets_table(run: ReportedRun, split: str) -> Table:
    """Each asset's samples, and every forecast's log loss on it.

    Raises:
        Unknown: see `differences_by_asset`.
    """
    rival, found = differences_by_asset(run, split)
    assert run.result is not None
    assets = run.result.by_asset[split].assets
    forecasts = list(assets[found[0][0]].log_loss)
    header = ["Asset", "Trains", "Samples", "Positives", *map(title_of, forecasts), f"Model − {title_of(rival)}"]
    table = Table(f"Log loss by asset on {split}", header)
    for name, difference, trains in found:
        each = assets[name]
        table.rows.append(
            [
                Cell(name),
                Cell("yes" if trains else "never"),
                Cell(f"{each.samples:,}"),
                Cell(f"{each.positives:,}"),
                *(Cell(f"{each.log_loss[forecast]:.4f}") for forecast in forecasts),
                Cell(typeset(difference, "+.4f")),
            ]
        )
    return table
