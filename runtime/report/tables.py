"""Numbers with their intervals, as tables; a number that is undefined says so and points to its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.judging.baselines import title_of
from runtime.records.differences import Difference, Range
from runtime.records.results import Forecast, Forecasts, Result
from runtime.report.runs import ReportedRun
from runtime.report.searches import OUTCOMES, ReportedSearch, lowest, outcome
from runtime.report.verdict import marks, search_marks
from runtime.report.words import typeset


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        detail: smaller, below: an interval, a remark.
        note: number of the table's note that explains it; 0 for none.
        marks: words and tone of its badges.
        link: where it leads.
    """

    text: str = ""
    detail: str = ""
    note: int = 0
    marks: list[tuple[str, str]] = field(default_factory=list)
    link: str = ""


@dataclass
class Table:
    """A table whose first column names its rows."""

    caption: str
    header: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def undefined(self, reason: str) -> Cell:
        """A cell that says ``undefined``, with a note that says why."""
        if reason not in self.notes:
            self.notes.append(reason)
        return Cell("undefined", note=1 + self.notes.index(reason))

    def number(
        self, value: float | None, interval: Range, reason: str, *, signed: bool = False, share: bool = False
    ) -> Cell:
        """A number with its interval below it; whatever of the two is missing is explained by the reason."""
        form = f"{'+' if signed else ''}{'.1%' if share else '.4f'}"
        if value is None:
            return self.undefined(reason)
        if interval is None and not reason:
            return Cell(typeset(value, form))
        if interval is None:
            return Cell(typeset(value, form), "interval undefined", self.undefined(reason).note)
        return Cell(typeset(value, form), f"{typeset(interval[0], form)} to {typeset(interval[1], form)}")

    def difference(self, found: Difference) -> Cell:
        """A difference with its interval: Student's t where it is given, else the bootstrap's."""
        reason = found.undefined.get("difference") or next(iter(found.undefined.values()), "")
        return self.number(found.difference, found.t or found.bootstrap, reason, signed=True)


def forecasts_table(split: str, forecasts: Forecasts) -> Table:
    """Every forecast of a split: losses, skill, ranking, calibration, and the model less each baseline."""
    table = Table(
        f"All forecasts on {split}",
        [
            "Forecast",
            "Log loss",
            "Skill",
            "Brier score",
            "ROC AUC",
            "PR AUC",
            "ECE",
            "Model − this, log loss",
            "Model − this, AUC",
        ],
    )
    for name, report in forecasts.items():
        table.rows.append([Cell(title_of(name)), *_metrics(table, report), *_differences(table, report)])
    return table


def _metrics(table: Table, report: Forecast) -> Iterable[Cell]:
    for name in ("log_loss", "log_loss_skill", "brier", "roc_auc", "pr_auc"):
        found = report.intervals.get(name)
        interval = (found.t or found.bootstrap) if found else None
        reason = report.undefined.get(name) or next(iter(found.undefined.values()), "") if found else "not recorded"
        yield table.number(getattr(report, name), interval, reason, share=name == "log_loss_skill")
    yield Cell(f"{report.calibration.ece:.4f}")


def _differences(table: Table, report: Forecast) -> Iterable[Cell]:
    for name in ("log_loss", "roc_auc"):
        found = report.model_minus_this.get(name)
        yield Cell("–") if found is None else table.difference(found)


def decisions_table(result: Result) -> Table:
    """What the model's threshold decides on each split."""
    table = Table(
        "The model's decisions at the threshold tuned on validation",
        [
            "Split",
            "Threshold",
            "Precision",
            "Recall",
            "True positives",
            "False positives",
            "False negatives",
            "True negatives",
        ],
    )
    for split, forecasts in result.judged().items():
        decision = forecasts["model"].decision
        if decision is None:
            reason = forecasts["model"].undefined.get("decision", "not recorded")
            table.rows.append([Cell(split), *(table.undefined(reason) for _ in table.header[1:])])
            continue
        table.rows.append(
            [
                Cell(split),
                Cell(f"{decision.threshold:.1%}"),
                *(
                    table.number(getattr(decision, name), None, decision.undefined.get(name, ""), share=True)
                    for name in ("precision", "recall")
                ),
                *(
                    Cell(f"{getattr(decision, name):,}")
                    for name in ("true_positives", "false_positives", "false_negatives", "true_negatives")
                ),
            ]
        )
    return table


def runs_table(runs: Iterable[ReportedRun], links: dict[str, str]) -> Table:
    """Every training, failures included, with the numbers of the split that leads."""
    table = Table(
        "All trainings",
        [
            "Training",
            "State",
            "Parameters",
            "Epochs",
            "Split",
            "Log loss",
            "Skill",
            "ROC AUC",
            "Model − best rival",
            "Combination − rival",
            "Rival",
        ],
    )
    for run in runs:
        head = [Cell(run.title, link=links.get(run.name, "")), Cell(marks=marks(run))]
        table.rows.append(head + _summary(table, run))
    return table


def _summary(table: Table, run: ReportedRun) -> list[Cell]:
    result = run.result
    parameters = Cell(f"{result.parameter_count:,}" if result and result.parameter_count else "–")
    best = min(run.epochs, key=lambda each: each.val_loss, default=None)
    epochs = Cell(str(len(run.epochs)), f"best {best.epoch}" if best else "")
    if result is None or (lead := result.headline()) is None:
        reason = run.problem or (result.failure if result else "") or "no split was evaluated"
        return [parameters, epochs, Cell("–"), *(table.undefined(f"{run.name}: {reason}") for _ in range(5)), Cell("–")]
    split, forecasts = lead
    cells = list(_metrics(table, forecasts["model"]))
    rival, added = result.rival(), result.addition.on(split) if result.addition else None
    against = next(iter(_differences(table, forecasts[rival]))) if rival in forecasts else Cell("–")
    return [
        parameters,
        epochs,
        Cell(split),
        cells[0],
        cells[1],
        cells[3],
        against,
        table.difference(added.minus_rival.combination) if added else Cell("–"),
        Cell(title_of(rival) if rival else "–"),
    ]


def searches_table(searches: Iterable[ReportedSearch], links: dict[str, str]) -> Table:
    """Every search, unfinished ones included."""
    table = Table(
        "All searches", ["Search", "State", *(name.capitalize() for name in OUTCOMES), "Best loss", "Best trial"]
    )
    for search in searches:
        counts = [sum(outcome(trial) == name for trial in search.trials) for name in OUTCOMES]
        best = min(search.completed, key=lambda trial: trial.value or 0.0, default=None)
        reason = f"{search.name}: {search.problem or 'no trial is recorded as completed here'}"
        table.rows.append(
            [
                Cell(search.name, link=links.get(search.name, "")),
                Cell(marks=search_marks(search)),
                *(Cell(str(count)) for count in counts),
                Cell(f"{best.value:.4f}") if best else table.undefined(reason),
                Cell(str(1 + best.number)) if best else table.undefined(reason),
            ]
        )
    return table


def trials_table(search: ReportedSearch) -> Table:
    """Every trial of a search."""
    names = list(dict.fromkeys(name for trial in search.trials for name in trial.params))
    table = Table(
        f"All trials of {search.name}",
        ["Trial", "Outcome", "Lowest loss", "Epochs", *(each.replace("_", " ") for each in names)],
    )
    for number, trial in enumerate(search.trials, start=1):
        value = lowest(trial)
        remark = str(trial.user_attrs.get("failure") or trial.user_attrs.get("interrupted") or "")
        table.rows.append(
            [
                Cell(str(number)),
                Cell(outcome(trial), remark),
                Cell(f"{value:.4f}") if value is not None else table.undefined("no epoch ended"),
                Cell(str(len(trial.intermediate_values))),
                *(Cell(_short(trial.params.get(name, "–"))) for name in names),
            ]
        )
    return table


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
