"""The first lines of a script: constant text, the command that made it, hashes, and the docstring."""

from __future__ import annotations

from codegen import __version__
from codegen.request.spec import ExperimentSpec
from codegen.seal import BLANK_SEAL

FIRST_LINES = (
    "One experiment with its complete configuration: every parameter it uses stands below, and each is used.",
    "Written by codegen and meant to be read; the seal tells hand edits, which are never overwritten.",
)

HPO_DOCSTRING = """Search hyperparameters of a PatchTST that forecasts whether a price will rise.

Validation loss decides; the test split is never read. Rerunning continues an interrupted search; a
finished one writes its best trial beside this script, to regenerate the training script with."""

TRAINING_DOCSTRING = """Train and evaluate a PatchTST that forecasts whether a price will rise.

Early stopping and the decision threshold come from validation. The test split is opened once, after
the best weights are restored, and the model is judged beside baselines on the same days."""


def header_comments(spec: ExperimentSpec) -> list[str]:
    """The comment lines above the docstring; the seal is filled in when the text is final."""
    return [
        *FIRST_LINES,
        f"Command: {spec.command}",
        f"Generator: {__version__}",
        f"Spec: sha256:{spec.sha256()}",
        BLANK_SEAL.removeprefix("# "),
    ]
