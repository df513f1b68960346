"""The benchmark on public series, held to made ones: its files come with a wheel that the suite does not need."""

import torch

from tests.benchmarks.archive import Candidate, accuracy, train


def bumps(seed: int, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with one bump, early in class 1 and late in class 0."""
    generator = torch.Generator().manual_seed(seed)
    series = torch.randn(samples, 24, 1, generator=generator)
    early = torch.arange(samples) % 2 == 0
    series[early, 4:8] += 3
    series[~early, 16:20] += 3
    return series, early.float()


def test_published_form_learns_where_a_bump_is() -> None:
    model = train(*bumps(0, 48), Candidate(patches=6, dropout=0.1, epochs=10), seed=0)
    assert accuracy(model, *bumps(1, 200)) > 0.95
