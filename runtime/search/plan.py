"""What a search is about to do, in words, and what it would cost, before it costs anything."""

from __future__ import annotations

from functools import partial
from statistics import mean

import optuna
import torch

from runtime.samples.experiment import Experiment
from runtime.script.plan import print_experiment
from runtime.script.ranks import Ranks
from runtime.search.objective import Objective
from runtime.search.study import SearchSettings
from runtime.training.building import make_architecture
from runtime.training.plan import print_cost, print_sizes, print_step_time
from runtime.training.step_time import StepTimer, make_learner


def print_search_plan(experiment: Experiment, objective: Objective, settings: SearchSettings) -> None:
    """Print the experiment, the length of the search and the size of every candidate."""
    print_experiment(experiment)
    together = "" if settings.workers == 1 else f", {settings.workers} at once"
    print(f"search: {settings.n_trials} trials{together}, at most {settings.timeout_hours} hours, seed {settings.seed}")
    print(f"  each trains on {objective.split_indices.train_indices.size} of the training samples")
    architectures = {
        name: make_architecture(fields, experiment.windows, objective.parameter_budget)
        for name, fields in objective.architectures.items()
    }
    print_sizes(architectures, torch.device(objective.device), Ranks())


def print_search_cost(objective: Objective, settings: SearchSettings) -> None:
    """Time steps of every candidate and print what the whole search would cost."""
    draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=settings.seed)).ask()
    typical = objective.suggest(draw)
    device, timer = torch.device(objective.device), StepTimer(len(objective.architectures))
    epochs, times = [], []
    for name in objective.architectures:
        outline = objective.outline(typical | {"architecture": name})
        learner = partial(make_learner, outline, objective.dataset, device, Ranks())
        times.append(print_step_time(name, outline, timer, learner, device, Ranks()))
        epochs.append(times[-1].seconds * outline.steps_per_epoch)
    seconds = mean(epochs) * outline.recipe.max_epochs * settings.n_trials
    print_cost(seconds, times, device, "no trial stops early or is pruned")
