"""A batch in parts: the same training in less memory."""

from __future__ import annotations

import numpy as np
import torch

from tests.tiny import losses_of, make_experiment, make_trainer

EXPERIMENT = make_experiment()


def test_micro_batches_accumulate_the_gradient_of_the_whole_batch() -> None:
    whole = make_trainer(EXPERIMENT, dropout=0.0, max_epochs=2)
    parts = make_trainer(EXPERIMENT, dropout=0.0, max_epochs=2)
    parts.micro_batch_size = 7
    np.testing.assert_allclose(losses_of(parts.fit()), losses_of(whole.fit()), atol=1e-5)
    for name, weights in whole.model.state_dict().items():
        torch.testing.assert_close(parts.model.state_dict()[name], weights, atol=1e-4, rtol=1e-4)
