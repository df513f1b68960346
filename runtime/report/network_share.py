"""How much of a forecast is the network's, as the page tells it."""

from __future__ import annotations

from runtime.judging.baselines import title_of
from runtime.records.results import Result
from runtime.report.tables import Cell, Table
from runtime.report.words import typeset


def idle_words(result: Result) -> list[str]:
    """That the encoder adds nothing that the split which leads can show, where that is so: no network was compared."""
    lead = result.headline()
    if lead is None or (share := result.network_share) is None or (report := share.on(lead[0])) is None:
        return []
    found = report.minus_linear_path["log_loss"]
    if found.difference is None or found.detectable is None or abs(found.difference) > found.detectable:
        return []
    return [
        f"The encoder is idle on {lead[0]}: it adds {report.encoder_rms:.3f} logits (root mean square) to the linear "
        f"path and moves its log loss by {typeset(found.difference, '+.4f')}, less than this split can show. Whatever "
        f"is said of PatchTST there is said of a model that began as the {title_of(share.starting_point)} and is "
        "hardly more."
    ]


def share_table(result: Result) -> Table | None:
    """Skill of the whole model, of its linear path and of its starting point, and what the encoder adds, by split."""
    if (share := result.network_share) is None:
        return None
    table = Table(
        "How much of the forecast is the network's",
        [
            "Split",
            "Skill of the model",
            "of its linear path alone",
            f"of its starting point, {title_of(share.starting_point)}",
            "Encoder adds, logits (RMS)",
            "Model − linear path, log loss",
        ],
    )
    for split in result.judged():
        if (report := share.on(split)) is None:
            continue
        found = report.minus_linear_path["log_loss"]
        reason = next(iter(found.undefined.values()), "")
        skills = (typeset(report.skill[name], ".1%") for name in ("model", "linear_path", "starting_point"))
        table.rows.append(
            [
                Cell(split),
                *(Cell(skill) for skill in skills),
                Cell(f"{report.encoder_rms:.3f}"),
                table.number(found.difference, found.t or found.bootstrap, reason, signed=True),
            ]
        )
    return table
