"""A value that a spec holds and no block uses stops the rendering."""

import dataclasses

import pytest

from codegen import scripts
from codegen.blocks import constants
from codegen.request.resolve import resolve_hpo, resolve_training
from codegen.syntax.one_truth import RenderError
from tests.helpers.golden_scripts import FOUND
from tests.helpers.questions import ask
from tests.helpers.small_project import SOURCE

HPO = resolve_hpo(ask(SOURCE)[1])
TRAINING = resolve_training(ask(SOURCE)[1], hyperparameters=FOUND, provenance={}, search_first=["search"])


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ("split_constants", "embargo"),
        ("search_constants", "n_trials"),
        ("training_constants", "training_seed"),
        ("data_constants", "data_sha256"),
        ("experiment_constants", "label_price"),
        ("model_constants", "architectures"),
    ],
)
def test_a_field_that_reaches_no_block_is_named(block: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, block, lambda _, **__: [])
    with pytest.raises(RenderError, match=f"no block puts .*{field}"):
        scripts.render_hpo(HPO)


def test_filled_scripts_hold_no_search_to_run_first() -> None:
    assert TRAINING.search_first == ()
    with pytest.raises(RenderError, match="SEARCH_FIRST"):
        scripts.render_training(dataclasses.replace(TRAINING, search_first=("search",)))
