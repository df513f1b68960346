"""What a search is about to do, in words and measured numbers, before it costs anything."""

from __future__ import annotations

from statistics import mean

import optuna

from runtime.samples.experiment import Experiment
from runtime.script.plan import print_experiment
from runtime.search.objective import Objective
from runtime.search.study import SearchSettings
from runtime.training.building import make_architecture
from runtime.training.plan import epoch_seconds, print_memory, print_size


def print_search_plan(experiment: Experiment, objective: Objective, settings: SearchSettings) -> None:
    """Print the experiment, the length of the search and the size of every candidate."""
    print_experiment(experiment)
    together = "" if settings.workers == 1 else f", {settings.workers} at once"
    print(f"search: {settings.n_trials} trials{together}, at most {settings.timeout_hours} hours, seed {settings.seed}")
    print(f"  each trains on {objective.split_indices.train_indices.size} of the training samples")
    for name, fields in objective.architectures.items():
        print_size(name, make_architecture(fields, experiment.windows, objective.parameter_budget))


def print_search_cost(objective: Objective, settings: SearchSettings) -> None:
    """Measure some training steps of every candidate and print what the whole search would cost."""
    draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=settings.seed)).ask()
    typical = objective.suggest(draw)
    seconds = []
    for name in objective.architectures:
        trainer = objective.make_trainer(typical | {"architecture": name})
        seconds.append(epoch_seconds(name, trainer))
    hours = mean(seconds) * trainer.recipe.max_epochs * settings.n_trials / 3600
    print(f"cost: about {hours:.2f} hours of training steps if no trial stops early or is pruned")
    print_memory(trainer.device)
