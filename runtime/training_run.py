"""What a training script does once everything is prepared: train, judge, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from data.files import remove_leftovers, write_atomically
from runtime.alarms import few_positives, print_alarms, training_alarms
from runtime.arguments import Arguments
from runtime.candidates import Candidate, train_candidates
from runtime.checkpoint import CHECKPOINT_SHARE, Checkpoints, warn_of_others
from runtime.environment import environment
from runtime.errors import RunError, UserError, memory_failures
from runtime.experiment import Experiment
from runtime.files import read_record, sole_process, write_json
from runtime.judge import Judge
from runtime.predictor import WEIGHTS, export_model
from runtime.sealed_test import refuse_reopening
from runtime.stopping import Stop, finish_step_first
from runtime.trainer import Trainer

Architectures = Mapping[str, Mapping[str, Any]]
MakeTrainer = Callable[[Experiment, Arguments, Mapping[str, Any]], Trainer]
Provenance = Mapping[str, Any]
"""Where hyperparameters come from, as it stands in the script."""


def run_training(
    experiment: Experiment,
    arguments: Arguments,
    architectures: Architectures,
    make_trainer: MakeTrainer,
    *,
    provenance: Provenance,
    checkpoint_share: float = CHECKPOINT_SHARE,
) -> None:
    """Train, evaluate on validation and, unless this is a shorter look, on test; write the record.

    Writes ``result.json`` (its shape: `runtime.judge`), ``predictions.parquet``, ``metrics.jsonl``, the model (see
    `runtime.predictor`) and a copy of the script to the output folder. Until it is finished, the same call continues
    from the last checkpoint there. A failed run leaves a ``result.json`` that says so; a finished one of the same
    script is not run again.

    Args:
        experiment: the question.
        arguments: the script's command line.
        architectures: name and fields of each candidate; with more than one, the lower validation loss decides.
        make_trainer: builds a candidate's trainer.
        provenance: where the hyperparameters come from.
        checkpoint_share: largest share of the time that saving may take.

    Raises:
        UserError: if training holds one class only, or the test split was opened before with other weights.
        RunError: if the training diverges, or even one sample at a time needs too much memory.
        KeyboardInterrupt: on SIGINT or SIGTERM, after the step is finished and saved.
    """
    output = arguments.output
    if _is_finished(output / "result.json", arguments):
        print(f"finished already: {output / 'result.json'}; remove that folder to train again")
        return
    experiment.require_two_classes("training")
    if arguments.shortened is None:
        refuse_reopening(arguments, experiment)
    candidates = [
        Candidate(
            name,
            partial(make_trainer, experiment, arguments, fields),
            Checkpoints(output / "checkpoints", _config(experiment, arguments, name, fields), share=checkpoint_share),
        )
        for name, fields in architectures.items()
    ]
    record = describe_run(experiment, arguments, architectures, provenance)
    with sole_process(output), finish_step_first() as stop:
        _run(experiment, arguments, candidates, record, stop)
    print(f"written to {output}")


def _config(experiment: Experiment, arguments: Arguments, name: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a checkpoint must agree with to be continued."""
    asked = {"script_sha256": arguments.script_sha256, "shortened_to_epochs": arguments.shortened}
    return experiment.identity() | asked | {"candidate": name, "fields": dict(fields)}


def _run(
    experiment: Experiment,
    arguments: Arguments,
    candidates: Sequence[Candidate],
    record: dict[str, Any],
    stop: Stop,
) -> None:
    output = arguments.output
    remove_leftovers(output)
    warn_of_others(output / "checkpoints", [candidate.checkpoints for candidate in candidates])
    _keep_finished(output / "result.json")
    for name in (WEIGHTS, "predictions.parquet"):
        (output / name).unlink(missing_ok=True)
    write_json(output / "result.json", {"status": "running"} | record)  # what a killed run leaves
    write_atomically(output / "script.py", arguments.script.read_bytes())
    try:
        with memory_failures():
            trained = train_candidates(candidates, output / "metrics.jsonl", stop)
        judge = Judge(experiment, trained.trainer, arguments)
        record |= trained.describe()
        record |= judge.validation()
        export_model(output, trained.trainer.model, experiment, record)
        stop.check()
        if arguments.shortened is None:
            record |= judge.test(record["weights_sha256"])
        record["alarms"] = training_alarms(experiment, record)
    except (KeyboardInterrupt, BrokenPipeError):
        write_json(output / "result.json", {"status": "interrupted"} | record)
        raise
    except (RunError, UserError, OSError) as error:
        with suppress(OSError):  # a full disk takes no record either; the error itself goes on
            failure = {"status": "failed", "failure": f"{type(error).__name__}: {error}"}
            write_json(output / "result.json", failure | record)
        raise
    write_json(output / "result.json", {"status": "finished"} | record)
    for candidate in candidates:
        candidate.checkpoints.remove()
    print_verdict(record)


def _is_finished(result: Path, arguments: Arguments) -> bool:
    record = read_record(result)
    wanted = {
        "status": "finished",
        "script_sha256": arguments.script_sha256,
        "shortened_to_epochs": arguments.shortened,
    }
    return not arguments.reopen_test and all(record.get(name) == value for name, value in wanted.items())


def describe_run(
    experiment: Experiment, arguments: Arguments, architectures: Architectures, provenance: Provenance
) -> dict[str, Any]:
    """Everything needed to repeat the run, beside the script itself."""
    return experiment.identity() | {
        "script_sha256": arguments.script_sha256,
        "shortened_to_epochs": arguments.shortened,
        "hyperparameters_from": dict(provenance),
        "candidates": {name: dict(fields) for name, fields in architectures.items()},
        "splits": {
            name: {"samples": int(labels.size), "positives": int(labels.sum())}
            for name, labels in experiment.split_labels()
        },
        "alarms": few_positives(experiment),
        "environment": environment(arguments.device),
    }


def _keep_finished(result: Path) -> None:
    if (record := read_record(result)).get("status") == "finished":
        result.rename(result.with_name(f"result-{record['weights_sha256'][:12]}.json"))


def print_verdict(record: dict[str, Any]) -> None:
    """Print the model beside the baselines, one line a split and forecaster."""
    training = record["training"]
    print(f"best epoch {training['best_epoch']} of {len(training['epochs'])}, {training['seconds']:.0f} s")
    for split in ("validation", "test"):
        if record[split] is None:
            print(f"{split}: not opened (shorter look)")
            continue
        for name, report in record[split].items():
            auc = "undefined" if report["roc_auc"] is None else f"{report['roc_auc']:.4f}"
            print(
                f"{split:<10} {name:<20} log loss {report['log_loss']:.4f}  skill {report['log_loss_skill']:+.4f}  "
                f"AUC {auc}  ({report['positives']} of {report['samples']} positive)"
            )
    print_alarms(record["alarms"])
