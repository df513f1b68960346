"""A model while it learns: what all ranks that share it do together, step by step. The trainer decides about what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from runtime.arrays import Floats, Indices
from runtime.judging.forecast import EVALUATION_BATCH, predict_logits
from runtime.model.patchtst import PatchTST
from runtime.model.precision import mixed_precision
from runtime.samples.windows import WindowDataset
from runtime.script.ranks import Ranks
from runtime.training.building import mixed_seed
from runtime.training.captured_steps import CapturedSteps
from runtime.training.compiled_layers import compile_layers, compiling_pays
from runtime.training.optimizer import make_optimizer, place_learning_rate, set_learning_rate
from runtime.training.recipe import Recipe
from runtime.training.sharding import even_share, place, put_weights, shares, whole_weights


class Learner:
    """The model, its optimiser and the best weights so far, on this rank.

    What is asked of the first rank's learner, the others' do, too (see `Ranks.order`).

    Args:
        fresh: the model where it begins; on the meta device where this is not the first rank. Not to be used again.
        dataset: samples, on the device to train on.
        train_indices: starts of those that train.
        recipe: how to train.
        seed: decides the order of samples, and dropout on all ranks but the first.
        ranks: that share each batch.
        micro_batch_size: samples that pass through a rank's model at once; None: its whole share of a batch.

    Attributes:
        model: on this rank; in shares with ``fsdp``.
        best_weights: that were kept last.
    """

    def __init__(
        self,
        fresh: PatchTST,
        dataset: WindowDataset,
        train_indices: Indices,
        *,
        recipe: Recipe,
        seed: int,
        ranks: Ranks,
        micro_batch_size: int | None,
    ) -> None:
        self.dataset, self.recipe, self.seed, self.ranks = dataset, recipe, seed, ranks
        self.train_indices = train_indices
        self.micro_batch_size = micro_batch_size or math.ceil(recipe.batch_size / ranks.count)
        self.model, self._forward = place(fresh, ranks, dataset.device)
        samples = train_indices.size * recipe.max_epochs
        if ranks.count == 1 and compiling_pays(self.model.architecture, samples, dataset.device):
            compile_layers(self.model)
        self.optimizer = make_optimizer(self.model, recipe)
        self.best_weights: dict[str, Tensor] = {}
        self._batches: tuple[int, Sequence[Tensor]] = (-1, ())
        self.capture()
        ranks.admit(self)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch: one pass over the training samples, unless the recipe counts steps."""
        return self.recipe.validate_every or self._steps_per_pass

    @property
    def _steps_per_pass(self) -> int:
        """The last batch of a pass may be smaller."""
        return math.ceil(self.train_indices.size / self.recipe.batch_size)

    def capture(self) -> None:
        """Prepare the steps of an optimiser that is new or was loaded: on a GPU they are recorded where they can be."""
        on_gpu, alone = self.dataset.device.type == "cuda", self.ranks.count == 1
        place_learning_rate(self.optimizer, self.dataset.device, recorded=alone)
        # Checkpointing sets the generators between kernels; ranks that share a model wait for each other there.
        wanted = on_gpu and alone and not self.model.checkpoint_activations
        self.captured = CapturedSteps(self.recipe.batch_size) if wanted else None

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Starts of an epoch's batches, each of all ranks' samples."""
        first = epoch * self.steps_per_epoch
        steps = range(first, first + self.steps_per_epoch)
        return [self._batch(step) for step in steps]

    def _batch(self, step: int) -> Tensor:
        number, place = divmod(step, self._steps_per_pass)
        if self._batches[0] != number:
            order = np.random.default_rng([self.seed, number]).permutation(self.train_indices)
            self._batches = number, torch.split(self.dataset.starts(order), self.recipe.batch_size)
        return self._batches[1][place]

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        return self.recipe.learning_rate_at(step, self.recipe.max_epochs * self.steps_per_epoch)

    def take_step(self, starts: Tensor, step: int) -> Tensor:
        """Take an optimiser step on a batch.

        Args:
            starts: of all ranks' samples, shape (samples,).
            step: how many were taken before, in all epochs.

        Returns:
            Mean loss of the batch, a scalar that the next step may overwrite.

        Raises:
            RankLost: if another rank has ended.
        """
        set_learning_rate(self.optimizer, self.rate_at(step))
        with self.ranks.order(Learner._follow_step, self, step, self.micro_batch_size):
            return self._step(starts) if self.captured is None else self.captured.take(self._step, starts)

    def _follow_step(self, step: int, micro_batch_size: int) -> None:
        """Take the first rank's step with this rank's samples, and with dropout of its own."""
        self.micro_batch_size = micro_batch_size
        torch.manual_seed(mixed_seed(self.seed, step, self.ranks.rank))
        self.model.train()
        self.take_step(self._batch(step), step)

    def _step(self, starts: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        batch_loss = torch.zeros((), device=self.dataset.device)
        for part, weight in shares(starts, self.micro_batch_size, self.ranks):
            with mixed_precision(self.dataset.device):
                logits = self._forward(self.dataset.inputs(part))
            loss = functional.binary_cross_entropy_with_logits(logits, self.dataset.targets(part)) * weight
            torch.autograd.backward(loss)
            batch_loss += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        self.optimizer.step()
        return self.ranks.mean(batch_loss)

    def predict(self, indices: Indices) -> Floats:
        """Logits of the current weights, in the order of ``indices``, shape (samples,)."""
        # Less in the same proportion as training passes at once: memory that runs out must not do so here.
        return self._predict(indices, max(1, EVALUATION_BATCH * self.micro_batch_size // self.recipe.batch_size))

    def _predict(self, indices: Indices, at_once: int) -> Floats:
        with self.ranks.order(Learner._predict, self, indices, at_once):
            mine = predict_logits(self.model, self.dataset, even_share(indices, self.ranks), at_once=at_once)
            return self.ranks.concatenate(mine)[: indices.size]

    def keep_best(self) -> None:
        """Keep a copy of the current weights."""
        with self.ranks.order(Learner.keep_best, self):
            self.best_weights = {name: value.clone() for name, value in self.model.state_dict().items()}

    def restore_best(self) -> None:
        """Go back to the weights that were kept."""
        with self.ranks.order(Learner.restore_best, self):
            self.model.load_state_dict(self.best_weights)

    def weights(self) -> dict[str, Tensor]:
        """All weights and buffers by name, whole; of a model in shares on the CPU, and on the first rank only."""
        with self.ranks.order(Learner.weights, self):
            return whole_weights(self.model, self.ranks)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned; only the first rank's count."""
        with self.ranks.order(Learner.load_weights, self, {}):
            put_weights(self.model, weights, self.ranks)

    def free_optimizer(self) -> None:
        """Let go of what training alone needs: gradients and the optimiser's state."""
        with self.ranks.order(Learner.free_optimizer, self):
            self.optimizer.zero_grad()
            self.optimizer.state.clear()
