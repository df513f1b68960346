"""From a recipe to trained weights: the trainer, its checkpoints, its seeds, a training script's run."""
