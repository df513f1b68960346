"""Hyperparameter search that survives anything: objective, trials in processes of their own, the study."""
