"""What a training script does once everything is prepared: train, judge, record."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from tqdm import tqdm

from data.files import write_atomically
from runtime.alarms import few_positives, print_alarms, training_alarms
from runtime.arguments import Arguments
from runtime.environment import environment, peak_memory_bytes
from runtime.errors import RunError, UserError, memory_failures
from runtime.experiment import Experiment
from runtime.files import append_json_line, sole_process, write_json
from runtime.judge import Judge
from runtime.sealed_test import refuse_reopening, weights_sha256
from runtime.trainer import EpochRecord, Trainer, TrainingResult

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
) -> None:
    """Train, evaluate on validation and, unless this is a shorter look, on test; write the record.

    Writes ``result.json`` (its shape: `runtime.judge`), ``predictions.parquet``, ``metrics.jsonl``,
    ``model.safetensors`` and a copy of the script to the output folder. A failed run leaves a ``result.json`` that
    says so; a finished one of the same script is not run again.

    Args:
        experiment: the question.
        arguments: the script's command line.
        architectures: name and fields of each candidate; with more than one, the lower validation loss decides.
        make_trainer: builds a candidate's trainer.
        provenance: where the hyperparameters come from.

    Raises:
        UserError: if training holds one class only, or the test split was opened before with other weights.
        RunError: if the training diverges.
    """
    output = arguments.output
    if _is_finished(output / "result.json", arguments):
        print(f"finished already: {output / 'result.json'}; remove that folder to train again")
        return
    experiment.require_two_classes("training")
    if arguments.shortened is None:
        refuse_reopening(arguments, experiment)
    with sole_process(output):
        _run(experiment, arguments, architectures, make_trainer, provenance)
    print(f"written to {output}")


def _run(
    experiment: Experiment,
    arguments: Arguments,
    architectures: Architectures,
    make_trainer: MakeTrainer,
    provenance: Provenance,
) -> None:
    output = arguments.output
    record = describe_run(experiment, arguments, architectures, provenance)
    _keep_finished(output / "result.json")
    for name in ("model.safetensors", "predictions.parquet"):
        (output / name).unlink(missing_ok=True)
    write_json(output / "result.json", {"status": "running"} | record)  # what a killed run leaves
    write_atomically(output / "script.py", arguments.script.read_bytes())
    try:
        with memory_failures():
            trained = _train_candidates(experiment, arguments, architectures, make_trainer)
        write_atomically(output / "model.safetensors", save(trained.trainer.model.state_dict()))
        judge = Judge(experiment, trained.trainer, arguments)
        record |= describe_trained(trained)
        record |= judge.validation()
        write_json(output / "model.json", describe_model(experiment, record))
        if arguments.shortened is None:
            record |= judge.test(record["weights_sha256"])
        record["alarms"] = training_alarms(experiment, record)
    except KeyboardInterrupt:
        write_json(output / "result.json", {"status": "interrupted"} | record)
        raise
    except (RunError, UserError) as error:
        write_json(output / "result.json", {"status": "failed", "failure": f"{type(error).__name__}: {error}"} | record)
        raise
    write_json(output / "result.json", {"status": "finished"} | record)
    print_verdict(record)


def _is_finished(result: Path, arguments: Arguments) -> bool:
    if not result.exists():
        return False
    record = json.loads(result.read_text())
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
    if result.exists() and (record := json.loads(result.read_text()))["status"] == "finished":
        result.rename(result.with_name(f"result-{record['weights_sha256'][:12]}.json"))


def describe_model(experiment: Experiment, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the weights need besides to forecast: shape, channels, their statistics, label and decision threshold."""
    wanted = ("architecture", "task", "threshold", "label_price", "horizon", "timescale", "feature_columns")
    return {name: record[name] for name in (*wanted, "data_sha256", "weights_sha256", "decision_threshold")} | {
        "normaliser": {name: values.tolist() for name, values in asdict(experiment.normaliser).items()}
    }


@dataclass(frozen=True)
class Trained:
    """The chosen candidate, trained, and how each candidate did."""

    name: str
    trainer: Trainer
    result: TrainingResult
    seconds: float
    losses: dict[str, float]


def _train_candidates(
    experiment: Experiment, arguments: Arguments, architectures: Architectures, make_trainer: MakeTrainer
) -> Trained:
    metrics = arguments.output / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    losses: dict[str, float] = {}
    best: Trained | None = None
    for name, fields in architectures.items():
        trainer = make_trainer(experiment, arguments, fields)
        began = time.perf_counter()
        result = _fit(name, trainer, metrics)
        losses[name] = result.best_val_loss
        if best is None or result.best_val_loss < best.result.best_val_loss:
            best = Trained(name, trainer, result, time.perf_counter() - began, losses)
    if best is None:
        raise ValueError("run_training needs at least one architecture")
    return best


def describe_trained(trained: Trained) -> dict[str, Any]:
    """What was trained, and how it went."""
    trainer = trained.trainer
    return {
        "architecture_name": trained.name,
        "architecture": asdict(trainer.model.architecture),
        "recipe": asdict(trainer.recipe),
        "training_seed": trainer.seed,
        "parameter_count": trainer.model.parameter_count(),
        "candidate_val_losses": trained.losses,
        "training": asdict(trained.result)
        | {"seconds": round(trained.seconds, 1), "peak_memory_bytes": peak_memory_bytes()},
        "weights_sha256": weights_sha256(trainer.model.state_dict()),
    }


def _fit(name: str, trainer: Trainer, metrics: Path) -> TrainingResult:
    total = trainer.recipe.max_epochs
    with tqdm(total=total, unit="epoch", disable=not sys.stderr.isatty(), leave=False) as bar:

        def follow(record: EpochRecord) -> None:
            append_json_line(metrics, {"architecture": name} | asdict(record))
            line = f"train {record.train_loss:.4f}  val {record.val_loss:.4f}"
            bar.set_postfix_str(line, refresh=False)
            bar.update()
            if bar.disable:
                print(f"epoch {record.epoch}/{total}  {line}  {record.seconds:.1f} s", flush=True)

        return trainer.fit(follow)


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
