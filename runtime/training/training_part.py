"""The data-size curve: the same question with a part of the training days, and as many optimiser steps."""

from __future__ import annotations

import math
from dataclasses import replace

from runtime.samples.experiment import Experiment
from runtime.training.recipe import Recipe


def train_on_part(experiment: Experiment, fraction: float | None) -> Experiment:
    """The experiment with whole blocks of its training days left out; held-out days stay as they are.

    What is learned from training days (model, standardisation, baselines, base rate) then comes from the kept ones
    alone: a small part that borrows statistics of the whole is no small part.

    Args:
        experiment: the question, with all its training samples.
        fraction: see `ChunkSplitter.get_training_part`; None keeps all.
    """
    if fraction is None:
        return experiment
    part = experiment.splitter.get_training_part(experiment.splits, fraction)
    return replace(experiment, splits=experiment.splits.with_train(part))


def recipe_for(experiment: Experiment, recipe: Recipe, shortened: int | None) -> Recipe:
    """The recipe with as many optimiser steps as it would take with all training samples, to within half an epoch.

    Where the experiment trains on a part of them that takes more epochs, and more patience: otherwise less data would
    also mean a shorter training. A recipe that counts an epoch in steps stays as it is.

    Args:
        experiment: the question, with the samples that train.
        recipe: the script's.
        shortened: epochs of a shorter look; None trains to the recipe's end.
    """
    if recipe.validate_every is not None:
        return replace(recipe, max_epochs=shortened or recipe.max_epochs)
    kept, whole = (
        math.ceil(splits.train_indices.size / recipe.batch_size)
        for splits in (experiment.splits, experiment.splitter.split(experiment.series.timeline))
    )
    epochs, patience = (round(each * whole / kept) for each in (shortened or recipe.max_epochs, recipe.patience))
    return replace(recipe, max_epochs=epochs, patience=patience)
