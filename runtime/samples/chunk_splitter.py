"""Hold out whole chunks of days for validation and test; train on the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from runtime.arrays import Indices
from runtime.errors import UserError
from runtime.samples.splits import Chunks, SplitIndices
from runtime.samples.timeline import MAX_GAP_DAYS, Timeline

SplitMode = Literal["scattered", "contiguous"]

# Keep the random numbers of these apart from those that place the chunks.
_HPO_SUBSET_STREAM = 1
_TRAINING_PART_STREAM = 2


@dataclass(frozen=True)
class ChunkSplitter:
    """Hold out whole chunks of days for validation and test; train on every sample that touches none of them.

    Args:
        total_days: rows of the series that have features, labelled or not; of several assets the days of their
            calendar.
        context_length: input rows of a sample.
        horizon: label rows of a sample.
        val_ratio, test_ratio: share of the chunks held out; counts are rounded.
        seed: places the chunks (``scattered``); draws the search subset.
        chunk_length: rows of a chunk; ``None`` makes a chunk one span that holds a single sample.
        mode: ``scattered`` draws chunks from one permutation, validation first, then test;
            ``contiguous`` puts test last, validation before it, and aligns the chunks with the end of the series.
        embargo: further rows on both sides of each held-out chunk that no training sample may touch.
        max_gap_days: most calendar days from a row of a sample to its next: none lies across a longer hole.

    Raises:
        UserError: on an impossible value, or too few rows (naming how many are needed).

    Example:
        >>> splits = ChunkSplitter(total_days=1000, context_length=10, horizon=1, chunk_length=50).split()
        >>> len(splits.val_chunks), len(splits.test_chunks), len(splits.val_indices)
        (3, 3, 120)
    """

    total_days: int
    context_length: int
    horizon: int
    val_ratio: float = 0.15
    test_ratio: float = 0.15
    seed: int = 42
    chunk_length: int | None = field(default=None, kw_only=True)
    mode: SplitMode = field(default="scattered", kw_only=True)
    embargo: int = field(default=0, kw_only=True)
    max_gap_days: int = field(default=MAX_GAP_DAYS, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("total_days", "context_length", "horizon"):
            _check_integer(name, getattr(self, name), least=1)
        _check_integer("seed", self.seed, least=0)
        _check_integer("embargo", self.embargo, least=0)
        _check_integer("max_gap_days", self.max_gap_days, least=1)
        _check_integer("chunk_length", self.chunk_rows, least=self.span)
        if not (self.val_ratio > 0 and self.test_ratio > 0 and self.val_ratio + self.test_ratio < 1):
            raise UserError(
                f"val_ratio {self.val_ratio} and test_ratio {self.test_ratio}: "
                "both must be positive and sum to less than 1"
            )
        if self.mode not in get_args(SplitMode):
            raise UserError(f"mode {self.mode!r}: allowed are {' and '.join(get_args(SplitMode))}")
        self._check_rows()

    @property
    def span(self) -> int:
        """Rows that one sample touches: ``context_length + horizon``."""
        return self.context_length + self.horizon

    @property
    def chunk_rows(self) -> int:
        """Rows of one held-out chunk: ``chunk_length``, or one span."""
        return self.span if self.chunk_length is None else self.chunk_length

    def _held_out_counts(self, chunks: int) -> tuple[int, int]:
        return round(chunks * self.val_ratio), round(chunks * self.test_ratio)

    def _check_rows(self) -> None:
        chunks = self.total_days // self.chunk_rows
        if _is_enough(self._held_out_counts(chunks), chunks, least=1):
            return
        needed = self.rows_for(1)
        raise UserError(
            f"a series of {self.total_days} rows is too short for this protocol: chunks of {self.chunk_rows} rows "
            f"with val_ratio {self.val_ratio} and test_ratio {self.test_ratio} need at least {needed} rows, "
            f"{needed / self.total_days:.1f} times this history; use a longer one, a shorter chunk_length or a larger "
            "ratio"
        )

    def rows_for(self, chunks: int) -> int:
        """Rows of the shortest history of more chunks than this one that holds out enough of them.

        Args:
            chunks: wanted in validation, and in test.
        """
        # A ratio is rounded up to a chunk from half a chunk on: fewer chunks need not be tried.
        needed = max(self.total_days // self.chunk_rows + 1, int((chunks - 0.5) / min(self.val_ratio, self.test_ratio)))
        while not _is_enough(self._held_out_counts(needed), needed, least=chunks):
            needed += 1
        return needed * self.chunk_rows

    def split(self, timeline: Timeline | None = None) -> SplitIndices:
        """Place the chunks and list the samples of each split.

        Args:
            timeline: when each row was; None: one asset that has a row on each of ``total_days`` days.

        Returns:
            Increasing sample starts; the same for the same arguments, whatever the global random state.

        Raises:
            UserError: if no sample is left for a split.
        """
        timeline = Timeline.unbroken(self.total_days) if timeline is None else timeline
        if timeline.total_days != self.total_days:
            raise ValueError(f"a calendar of {timeline.total_days} days is not the {self.total_days} that are split")
        starts = timeline.sample_starts(self.span, self.max_gap_days)
        first, stop = timeline.day[starts], timeline.day[starts + self.span - 1] + 1
        val_starts, test_starts = self._held_out_starts()
        train = self._is_free(first, stop, np.concatenate([val_starts, test_starts])) & timeline.trains[starts]
        val = self._is_inside(first, stop, val_starts) & timeline.validates[starts]
        test = self._is_inside(first, stop, test_starts)
        self._check_samples(training=train, validation=val, test=test)
        return SplitIndices(
            train_indices=starts[train],
            val_indices=starts[val],
            test_indices=starts[test],
            chunk_size=self.span,
            val_chunks=_chunk_pairs(val_starts, self.chunk_rows),
            test_chunks=_chunk_pairs(test_starts, self.chunk_rows),
            day=timeline.day,
        )

    def _check_samples(self, **splits: npt.NDArray[np.bool_]) -> None:
        for name, chosen in splits.items():
            if not chosen.any():
                raise UserError(
                    f"{self.total_days} rows leave no {name} sample of {self.span} rows beside "
                    f"{sum(self._held_out_counts(self.total_days // self.chunk_rows))} held-out chunks with an embargo "
                    f"of {self.embargo} rows, and across no hole of more than {self.max_gap_days} days; use a longer "
                    "history, a smaller embargo or a larger max_gap_days"
                )

    def _held_out_starts(self) -> tuple[Indices, Indices]:
        chunks = self.total_days // self.chunk_rows
        val_count, test_count = self._held_out_counts(chunks)
        if self.mode == "contiguous":
            # The remainder goes to the front, so that no training day comes after a test day.
            first = self.total_days - chunks * self.chunk_rows
            order = np.arange(chunks - val_count - test_count, chunks)
        else:
            first = 0
            order = np.random.default_rng(self.seed).permutation(chunks)[: val_count + test_count]
        starts = (first + order * self.chunk_rows).astype(np.int64)
        return np.sort(starts[:val_count]), np.sort(starts[val_count:])

    def _is_inside(self, first: Indices, stop: Indices, chunks: Indices) -> npt.NDArray[np.bool_]:
        home = np.searchsorted(chunks, first, side="right") - 1
        inside: npt.NDArray[np.bool_] = (home >= 0) & (stop <= chunks[home] + self.chunk_rows)
        return inside

    def _is_free(self, first: Indices, stop: Indices, held_out: Indices) -> npt.NDArray[np.bool_]:
        blocked_from = np.maximum(held_out - self.embargo, 0)
        blocked_to = np.minimum(held_out + self.chunk_rows + self.embargo, self.total_days)
        edges = np.zeros(self.total_days + 1, dtype=np.int32)
        np.add.at(edges, blocked_from, 1)
        np.add.at(edges, blocked_to, -1)
        blocked_before = np.concatenate([[0], np.cumsum(np.cumsum(edges[:-1]) > 0)])
        free: npt.NDArray[np.bool_] = blocked_before[stop] == blocked_before[first]
        return free

    def get_hpo_subset(self, splits: SplitIndices, fraction: float = 0.3, seed: int | None = None) -> Indices:
        """Draw a part of the training samples for a faster search, with a random generator of its own.

        Args:
            splits: the answer of ``split()``.
            fraction: share of the training samples, in (0, 1].
            seed: decides which; None takes the splitter's.

        Returns:
            Increasing sample starts, shape (round(fraction * training samples),), at least one.

        Raises:
            UserError: if the fraction is outside (0, 1], or the seed is no integer of at least 0.
        """
        seed = self.seed if seed is None else seed
        _check_integer("seed", seed, least=0)
        count = _share(fraction, splits.train_indices)
        generator = np.random.default_rng([seed, _HPO_SUBSET_STREAM])
        return np.sort(generator.choice(splits.train_indices, size=count, replace=False))

    def get_training_part(self, splits: SplitIndices, fraction: float) -> Indices:
        """Keep whole blocks of ``chunk_length`` rows, in an order drawn once, until they hold enough of the samples.

        A part of the *history*: windows drawn one by one would leave hardly a day out, as neighbours share all rows
        but one. A sample is kept when all the rows of its span are, so a smaller part lies inside every larger one.

        Args:
            splits: the answer of ``split()``.
            fraction: share of the training samples that is reached or, by less than a block holds, passed; in (0, 1].

        Returns:
            Increasing sample starts, at least one.

        Raises:
            UserError: if the fraction is outside (0, 1].
        """
        count = _share(fraction, splits.train_indices)
        blocks = -(-self.total_days // self.chunk_rows)
        turn = np.random.default_rng([self.seed, _TRAINING_PART_STREAM]).permutation(blocks)
        first, stop = splits.days(splits.train_indices)
        block, last = first // self.chunk_rows, (stop - 1) // self.chunk_rows
        complete = turn[block]
        while (block < last).any():
            block = np.minimum(block + 1, last)
            complete = np.maximum(complete, turn[block])
        part: Indices = splits.train_indices[complete <= np.sort(complete)[count - 1]]
        return part


def _share(fraction: float, samples: Indices) -> int:
    if not 0 < fraction <= 1:
        raise UserError(f"fraction {fraction}: allowed is more than 0 and at most 1")
    return max(1, round(fraction * samples.size))


def _check_integer(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserError(f"{name} {value!r}: allowed is an integer of at least {least}")


def _is_enough(held_out: tuple[int, int], chunks: int, least: int) -> bool:
    return min(held_out) >= least and chunks > sum(held_out)


def _chunk_pairs(starts: Indices, length: int) -> Chunks:
    return tuple((start, start + length) for start in starts.tolist())
