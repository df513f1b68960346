"""The trend tests agree with scipy and with enumeration, and reject as often as they should."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from runtime.scaling.trend import MOST_EXACT, PAGE, REGRESSION, trend

SIZES = np.array([2e6, 2e7, 2e8, 2e9])
MISSING = np.nan


def losses(seeds: int, slope: float = 0.0, *, seed: int = 0, levels: int = 4) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return (
        0.45 + slope * np.arange(levels) + random.normal(0, 0.01, (seeds, 1)) + random.normal(0, 0.005, (seeds, levels))
    )


def test_page_on_the_table_of_its_source() -> None:
    """Scipy's example, from the paper: raters rank tutorial below lecture below seminar, p = 0.0018."""
    table = [
        [3, 4, 3],
        [2, 2, 4],
        [3, 3, 5],
        [1, 3, 2],
        [2, 3, 2],
        [2, 4, 5],
        [1, 2, 4],
        [3, 4, 4],
        [2, 4, 5],
        [1, 3, 4],
    ]
    order = np.array(table)[:, [0, 1, 2]]
    found = trend(SIZES[:3], -order.astype(float))
    expected = stats.page_trend_test(order)
    assert (found["test"], found["blocks"]) == (PAGE, 10)
    assert (found["statistic"], found["p_value"]) == (expected.statistic, expected.pvalue)
    assert found["statistic"] == 133.5
    assert found["p_value"] == pytest.approx(0.0018191, rel=1e-4)


@pytest.mark.parametrize("unbalanced", [False, True])
def test_level_under_the_null_and_power(unbalanced: bool) -> None:
    def rejects(slope: float, seed: int) -> bool:
        table = losses(5, slope, seed=seed)
        if unbalanced:
            table[2:, 3] = MISSING
        return bool(trend(SIZES, table)["p_value"] < 0.05)

    rounds = 300 if not unbalanced else 100
    assert 0.005 < np.mean([rejects(0.0, seed) for seed in range(rounds)]) < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / rounds)
    assert np.mean([rejects(-0.008, seed) for seed in range(40)]) > 0.9
    assert not any(rejects(0.008, seed) for seed in range(40))


def test_two_levels_and_missing_runs_take_the_regression() -> None:
    table = losses(5, -0.01)
    assert trend(SIZES[:2], table[:, :2])["test"] == REGRESSION
    table[1:, 3] = MISSING
    found = trend(SIZES, table)
    assert (found["test"], found["slope_interval"]) == (REGRESSION, None)
    assert found["undefined"]["slope_interval"] == "not all seeds ran every size"


def test_two_levels_equal_the_exact_permutation_test_of_scipy() -> None:
    table = losses(6, -0.002, seed=3, levels=2)
    expected = stats.permutation_test(
        (table[:, 1], table[:, 0]), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples",
        alternative="less", vectorized=True, n_resamples=np.inf,
    )  # fmt: skip
    assert trend(SIZES[:2], table)["p_value"] == pytest.approx(expected.pvalue)


def test_random_permutations_agree_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    table = losses(3, -0.001, seed=5)
    table[0, 3] = MISSING
    exact = trend(SIZES, table)["p_value"]
    assert MOST_EXACT > 24 * 24 * 6
    monkeypatch.setattr("runtime.scaling.trend.MOST_EXACT", 1)
    assert trend(SIZES, table)["p_value"] == pytest.approx(exact, abs=0.015)


def test_slope_is_the_change_for_ten_times_the_size_and_ignores_what_a_seed_shares() -> None:
    table = 0.5 - 0.02 * np.log10(SIZES) + np.arange(3)[:, None]
    assert trend(SIZES, table)["slope"] == pytest.approx(-0.02)
    table[0, 0] = MISSING
    assert trend(SIZES, table)["slope"] == pytest.approx(-0.02)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (losses(5)[:, :1], "measured sizes: 1; a trend needs 2"),
        (losses(1), "seeds with two sizes or more: 1; a trend needs 2"),
        (np.array([[0.4, MISSING], [MISSING, 0.5], [0.4, 0.5]]), "seeds with two sizes or more: 1; a trend needs 2"),
    ],
)
def test_too_little_has_no_trend_but_a_reason(table: npt.NDArray[np.float64], reason: str) -> None:
    found = trend(SIZES[: table.shape[1]], table)
    for name in ("test", "statistic", "p_value", "slope", "slope_interval"):
        assert found[name] is None
        assert found["undefined"][name] == reason


def test_two_blocks_are_the_least_and_each_counts_from_two_sizes_on() -> None:
    both = np.array([[0.5, 0.4, MISSING], [MISSING, 0.5, 0.4]])
    found = trend(SIZES[:3], np.vstack([both, [MISSING, MISSING, 0.1]]))
    assert (found["test"], found["blocks"]) == (REGRESSION, 2)
    assert found["p_value"] == 1 / 4  # of the orders of two blocks of two
    assert found["slope"] == pytest.approx(-0.1)
    assert "p_value" not in found["undefined"]


@given(st.permutations(range(5)), st.booleans())
@settings(max_examples=20, deadline=None)
def test_order_of_the_seeds_changes_nothing_that_is_exact(order: list[int], balanced: bool) -> None:
    table = losses(5, -0.003, levels=4 if balanced else 2)
    sizes = SIZES[: table.shape[1]]
    one, two = trend(sizes, table), trend(sizes, table[order])
    assert one["p_value"] == two["p_value"]
    assert one["slope"] == pytest.approx(two["slope"])


def test_levels_of_one_size_have_no_trend() -> None:
    found = trend(np.array([216.0, 216.0]), losses(5, levels=2))
    assert (found["p_value"], found["slope"]) == (None, None)
    assert found["undefined"]["slope"] == "measured sizes: 1; a trend needs 2"
