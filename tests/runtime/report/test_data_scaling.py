"""Several sizes of model over the amount of data: one picture, and whether the best size grows with the data."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runtime.records.results import Result
from runtime.report.data_scaling import data_scaling_sections
from runtime.report.style import Picture
from tests.helpers.scaling_records import record

ASSETS = ["A", "B", "C", "D"]


def trained(budget: str, assets: int, loss: float, seed: int = 42, **changes: Any) -> Result:
    """A training of phase6d on the first so many of four assets."""
    suffix = "" if assets == 4 else f"_{assets}asset{'s' if assets > 1 else ''}"
    whole = record(budget, seed, loss)
    samples = {"training": {"samples": 1000 * assets, "positives": 100 * assets}}
    given = {
        "phase": "phase6d",
        "experiment": f"phase6d_{budget}_threshold_2pct{suffix}_US4",
        "script": f"phase6d/US4/train_{budget}_threshold_2pct{suffix}",
        "assets": ASSETS,
        "training_assets": ASSETS[:assets],
        "splits": whole["splits"] | samples,
    }
    return msgspec.convert(whole | given | changes, Result)


def results(large_on_all: float) -> list[Result]:
    small = {1: 0.470, 2: 0.460, 4: 0.455}
    large = {1: 0.480, 2: 0.462, 4: large_on_all}
    return [
        trained(budget, assets, loss + seed * 1e-5, seed)
        for budget, losses in (("2M", small), ("20M", large))
        for assets, loss in losses.items()
        for seed in (42, 43)
    ]


@pytest.mark.parametrize(("large_on_all", "grows"), [(0.440, "grows"), (0.458, "does not grow")])
def test_the_words_say_whether_the_best_size_grows(large_on_all: float, grows: str) -> None:
    (section,) = data_scaling_sections(results(large_on_all))
    assert section.title == "threshold 2pct US4: each size over the amount of data"
    more_data, best = section.words
    assert more_data.startswith("With more training samples, over chunks of days: at 2M the loss ")
    assert "; at 20M the loss " in more_data
    on_all = "20M on 4 assets (by 0.0150)" if grows == "grows" else "2M on 4 assets (by 0.0030)"
    assert best.startswith(
        "The lowest loss is that of 2M on 1 of 4 assets (by 0.0100), 2M on 2 of 4 assets (by 0.0020)"
    )
    assert on_all in best
    assert f"the best size {grows} with the data" in best


def test_the_picture_tells_every_line() -> None:
    (section,) = data_scaling_sections(results(0.44))
    (picture,) = section.figures
    assert isinstance(picture, Picture)
    assert "2M: 1,000 samples 0.47" in picture.alt
    assert "20M: 1,000 samples 0.48" in picture.alt
    assert "4,000 samples 0.44" in picture.alt


def test_one_size_or_one_amount_is_no_such_comparison() -> None:
    made = results(0.44)
    assert data_scaling_sections([each for each in made if each.budget == "2M"]) == []
    assert data_scaling_sections([each for each in made if len(each.training_assets) == 4]) == []


def test_budgets_whose_test_is_not_open_are_compared_on_validation() -> None:
    made = results(0.44)
    closed = [
        trained(each.budget, len(each.training_assets), 0.5, each.training_seed or 0, test=None, test_opening=None)
        if each.budget == "2M" and len(each.training_assets) == 1
        else each
        for each in made
    ]
    (section,) = data_scaling_sections(closed)
    (picture,) = section.figures
    assert isinstance(picture, Picture)
    assert picture.alt.startswith("Validation log loss by training samples")
    of_large = picture.alt.partition("20M: ")[2]
    unopened = [msgspec.structs.replace(each, test=None, test_opening=None) for each in made]
    (all_closed,) = data_scaling_sections(unopened)[0].figures
    assert isinstance(all_closed, Picture)
    assert of_large == all_closed.alt.partition("20M: ")[2]
