"""What a training script does once everything is prepared: train every seed, open the test split once, record."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from data.files import remove_leftovers
from runtime.errors import RunError
from runtime.judging.alarms import print_alarms
from runtime.judging.openings import OPENINGS
from runtime.judging.sealed_test import joint_sha256, open_test, refuse_reopening
from runtime.records.files import sole_process
from runtime.records.tracking import Tracking
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.script.ranks import RankLost
from runtime.script.stopping import Stop, finish_step_first
from runtime.training.checkpoint import CHECKPOINT_SHARE
from runtime.training.finished import are_finished
from runtime.training.newest_row import judge_newest_rows, newest_row_lines, on_newest_rows
from runtime.training.plan import print_training_cost, print_training_plan
from runtime.training.recipe import Recipe
from runtime.training.seed_run import SeedRun
from runtime.training.seed_table import seed_table
from runtime.training.training import Architectures, MakeTrainer, Provenance, Training
from runtime.training.training_part import recipe_for, train_on_part


def run_training(
    experiment: Experiment,
    recipe: Recipe,
    make_trainer: MakeTrainer,
    arguments: Arguments,
    *,
    model: Mapping[str, Any],
    architectures: Architectures,
    parameter_budget: int | None,
    training_seed: int,
    provenance: Provenance,
    checkpoint_share: float = CHECKPOINT_SHARE,
) -> None:
    """Show the plan and, unless this is a dry run, carry it out.

    Trains and judges on validation, seed after seed; then, if this is a real result, opens the test split for them all.

    Writes ``result.json`` (its shape: `judging.judge`; its states: `seed_run`), ``predictions.parquet``,
    ``metrics.jsonl``, the model (see `judging.predictor`) and a copy of the script to the output folder; those of
    further seeds to ``seed_43`` and so on inside it. The same call continues with the first seed that is not trained,
    from its last checkpoint. A seed that is trained or finished is not trained again, so one seed may become several
    later; the test split is then opened for all of them, and the opening says that it repeats an earlier one. Last,
    where the flags ask for it, each seed's rival on the newest row alone is trained (`newest_row`); a finished run may
    get its rivals later, too. Of
    several processes that share the model, the first does all that, and the others follow it.

    Args:
        experiment: the question.
        recipe: how to train; a shorter look, or a part of the training days, changes its epochs.
        make_trainer: builds the trainer of an architecture with a recipe and a seed.
        arguments: the script's command line.
        model: architecture fields that all candidates share.
        architectures: name and further fields of each candidate; with more than one, the lower validation loss decides.
        parameter_budget: trainable parameters that each must have, to within ±5 %; None asks for none.
        training_seed: the first seed; the others follow it.
        provenance: where the hyperparameters come from.
        checkpoint_share: largest share of the time that saving may take.

    Raises:
        UserError: if training holds one class only, or the test split was opened before with other weights.
        RunError: if a seed's training diverges, or even one sample at a time needs too much memory; the other seeds
            are then trained and judged all the same, without it. If another process of it has ended, all end.
        SystemExit: in a process that is not the first, when that has ended, with its exit code.
        KeyboardInterrupt: on SIGINT or SIGTERM, after the step is finished and saved.
    """
    experiment = train_on_part(experiment, arguments.train_fraction)
    training = Training(
        experiment=experiment,
        recipe=recipe_for(experiment, recipe, arguments.shorter_look),
        make_trainer=make_trainer,
        arguments=arguments,
        architectures={name: {**model, **fields} for name, fields in architectures.items()},
        provenance=provenance,
        checkpoint_share=checkpoint_share,
        tracking=Tracking(arguments.track, arguments.outputs),
    )
    ranks = arguments.ranks
    with ranks.joined(arguments.device):
        ranks.admit(training)
        masked = on_newest_rows(training) if arguments.newest_row_network else None
        if masked is not None:
            ranks.admit(masked)
        if not ranks.is_first:
            raise SystemExit(ranks.follow())
        print_training_plan(training, parameter_budget)
        if arguments.dry_run:
            print_training_cost(training, training_seed)
        else:
            _run(training, masked, training_seed)


def _run(training: Training, masked: Training | None, training_seed: int) -> None:
    experiment, arguments = training.experiment, training.arguments
    runs = _seed_runs(training, training_seed)
    opens_test = arguments.opens_test
    if are_finished([run.record() for run in runs], opens_test=opens_test, newest_row_network=masked is not None):
        print(f"finished already: {runs[0].output / 'result.json'}; remove that folder to train again")
        return
    experiment.require_two_classes("training")
    if opens_test:
        refuse_reopening(arguments, experiment)
    with sole_process(arguments.output), finish_step_first() as stop:
        remove_leftovers(arguments.output)
        failures = _train(runs, stop)
        trained = [run for run in runs if run.seed not in failures]
        if trained and opens_test:
            stop.check()
            _judge_test(training, trained)
        if masked is not None:
            failures |= judge_newest_rows(trained, masked, stop)
    if trained:
        print_verdict([run.record() for run in trained])
        print(f"written to {arguments.output}")
    if failures:
        raise RunError("; ".join(f"seed {seed}: {failure}" for seed, failure in failures.items()))


def _seed_runs(training: Training, first: int) -> list[SeedRun]:
    output = training.arguments.output
    further = range(first + 1, first + training.arguments.seeds)
    return [SeedRun(training, first, output), *(SeedRun(training, seed, output / f"seed_{seed}") for seed in further)]


def _train(runs: Sequence[SeedRun], stop: Stop) -> dict[int, str]:
    """Train what is not trained yet; the failures by seed."""
    failures: dict[int, str] = {}
    for run in runs:
        if not run.is_trained():
            stop.check()
            if runs[1:]:
                print(f"seed {run.seed}, {runs.index(run) + 1} of {len(runs)}")
            try:
                run.train(stop)
            except RankLost:
                raise
            except RunError as error:  # its words only: its traceback would hold a model in memory
                failures[run.seed] = str(error)
                if runs[1:]:
                    print(f"seed {run.seed} failed: {error}; the others go on", file=sys.stderr)
                continue
        run.remove_checkpoints()  # also what a run left that was killed before it could
    return failures


def _judge_test(training: Training, runs: Sequence[SeedRun]) -> None:
    arguments = training.arguments
    opening = open_test(
        arguments.project / OPENINGS,
        training.experiment,
        weights=joint_sha256([run.record()["weights_sha256"] for run in runs]),
        script_sha256=arguments.script_sha256,
        reopen=arguments.reopen_test,
    )
    for run in runs:
        run.judge_test(opening)


def print_verdict(records: Sequence[dict[str, Any]]) -> None:
    """Print the model beside the baselines, one line a split and forecaster; of several seeds, a table a split."""
    splits = [split for split in ("validation", "test") if records[0][split] is not None]
    if records[1:]:
        print("\n".join(line for split in splits for line in seed_table(records, split)))
    else:
        _print_one(records[0], splits)
    for line in (line for record in records for line in newest_row_lines(record)):
        print(line)
    if "test" not in splits:
        print(f"test: not opened ({_why_closed(records[0])})")
    for record in records:
        if records[1:] and record["alarms"]:
            print(f"seed {record['training_seed']}")
        print_alarms(record["alarms"])


def _why_closed(record: dict[str, Any]) -> str:
    if record["train_fraction"] is not None:
        return "trained on a part of the days"
    return "as asked" if record["shortened_to_epochs"] is None else "shorter look"


def _print_one(record: dict[str, Any], splits: Sequence[str]) -> None:
    training = record["training"]
    print(f"best epoch {training['best_epoch']} of {len(training['epochs'])}, {training['seconds']:.0f} s")
    for split in splits:
        for name, report in record[split].items():
            auc = "undefined" if report["roc_auc"] is None else f"{report['roc_auc']:.4f}"
            print(
                f"{split:<10} {name:<20} log loss {report['log_loss']:.4f}  skill {report['log_loss_skill']:+.4f}  "
                f"AUC {auc}  ({report['positives']} of {report['samples']} positive)"
            )
