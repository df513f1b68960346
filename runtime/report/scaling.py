"""What the finished runs of a phase say together."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.report.results import Result
from runtime.report.sections import Section


def scaling_section(results: Sequence[Result]) -> Section:
    """Losses across budgets.

    Args:
        results: records of all whole, finished trainings of the phase, by budget, then task.
    """
    budgets = list(dict.fromkeys(result.budget for result in results))
    if len(budgets) < 2:
        found = f"only {budgets[0]}" if budgets else "no budget"
        return Section("Scaling", "scaling", [f"Of this phase {found} has a finished training: a trend needs several."])
    return Section("Scaling", "scaling", [f"Finished trainings exist for {', '.join(budgets)}."])
