"""What records hold of the rivals beside their forecasts."""

from __future__ import annotations

from msgspec import Struct

from runtime.records.differences import Difference


class BoostingRecord(Struct, frozen=True):
    """See `judging.boosting.describe_choice`."""

    max_leaf_nodes: int
    max_iter: int
    losses: dict[str, float] | None
    undefined: dict[str, str] = {}


class NewestRowReport(Struct, frozen=True):
    """The network on the newest row alone, on one split; see `judging.judge.Judge.newest_row`."""

    log_loss: float
    log_loss_skill: float
    model_minus_this: dict[str, Difference]
    minus_regression: dict[str, Difference]


class NewestRowRecord(Struct, frozen=True):
    """The network on the newest row alone; see `training.newest_row`."""

    failure: str = ""
    validation: NewestRowReport | None = None
    test: NewestRowReport | None = None

    def on(self, split: str) -> NewestRowReport | None:
        """Its report on ``validation`` or ``test``."""
        return self.test if split == "test" else self.validation


class ShareReport(Struct, frozen=True):
    """See `judging.network_share.share_report`."""

    skill: dict[str, float]
    encoder_rms: float
    minus_linear_path: dict[str, Difference]


class NetworkShare(Struct, frozen=True):
    """How much of a model's forecasts is its network's."""

    starting_point: str
    validation: ShareReport
    test: ShareReport | None = None

    def on(self, split: str) -> ShareReport | None:
        """Its report on ``validation`` or ``test``."""
        return self.test if split == "test" else self.validation
