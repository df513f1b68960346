"""The split is drawn on the very prices that a record names, or not at all."""

from __future__ import annotations

import msgspec
import pytest

from runtime.records.results import Result
from runtime.report.figures.split import split_chart
from runtime.report.runs import Unknown
from tests.helpers.market import PROJECT, real_series
from tests.helpers.reported import arguments_for, train


@pytest.fixture(scope="module")
def real_result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A record that names the embedded data and their split."""
    arguments = arguments_for(tmp_path_factory.mktemp("split"), "train_2M_threshold_1pct", shorter_look=1)
    record = train(arguments, epochs=1)
    series = real_series()
    split = record["split"] | {"total_days": len(series), "context_length": 60, "chunk_length": 201}
    changes = {"data_sha256": series.content_sha256, "feature_columns": list(series.feature_columns), "split": split}
    return msgspec.convert(record | changes, Result)


def test_split_lies_on_the_price(real_result: Result) -> None:
    picture = split_chart(PROJECT, real_result, "split")
    assert picture.alt.startswith("Closing price from 1990-03-27 to 2018-12-31")


def test_other_data_are_never_drawn(real_result: Result) -> None:
    other = msgspec.structs.replace(real_result, data_sha256="f" * 64)
    with pytest.raises(Unknown, match="no dataset"):
        split_chart(PROJECT, other, "split")
