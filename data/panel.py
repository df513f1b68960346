"""Making one dataset of many assets: a panel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from data.dataset import assemble, publish
from data.errors import DataError
from data.importer import command_of, dataset_path, too_short
from data.manifest import PROJECT
from data.options import ImportOptions
from data.prices import Prices, prices_of
from data.reading.columns import by_ticker
from data.reading.file import read_sheet
from data.reading.listing import counted, shown
from data.vix import Vix, read_vix

ALONE = 8
"""So many assets are read in this process: starting others takes as long."""

MOST_TOLD = 40
"""Beyond so many assets, what each was taken for is not said."""


@dataclass(frozen=True)
class Member:
    """An asset as it was read.

    Attributes:
        name: in the panel.
        frame: prices and features, as `assemble` makes them; None where the asset cannot be used.
        understood: what its file was taken for; of an asset that cannot be used, why.
        notes, changes: as of `Prices`.
    """

    name: str
    frame: pd.DataFrame | None
    understood: str
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


Read = Callable[[], Prices]


def import_panel(
    sources: Sequence[Path],
    name: str,
    vix: Path | None = None,
    root: Path = PROJECT,
    options: ImportOptions | None = None,
) -> tuple[Path, list[str]]:
    """Make ``data/processed/{name}_panel_c.parquet``.

    Features are computed within an asset alone; the VIX joins by date. Rows are by the assets' names, then by date.

    Args:
        sources: files of one asset each, folders of such files, or one file of all assets.
        name, vix, root, options: as of `import_prices`.

    Returns:
        path: The dataset.
        notes: What the user should know about the prices that were used.

    Raises:
        DataError: a file is unusable, and ``options.skip_bad`` does not leave its asset out; nothing is then written.
    """
    options = options or ImportOptions()
    if options.ticker is not None:
        raise DataError("--ticker chooses one asset, and a panel takes all: leave it away")
    path = dataset_path(name, root, "panel")
    files = _files(sources)
    known = read_vix(vix) if vix else None
    members = sorted(_members(files, known, options), key=lambda each: each.name)
    usable, left_out = _usable(members, options)
    changes = [*left_out, *(f"{each.name}: {change}" for each in usable for change in each.changes)]
    notes = [*_told(usable), *changes]
    frames = {each.name: each.frame for each in usable}
    del members, usable  # hundreds of assets are not to be held twice for longer than it takes to stack them
    frame = pd.concat(frames, names=["Asset"]).reset_index(level="Asset").reset_index(drop=True)
    del frames
    command = command_of(sources, name, vix, root, options)
    publish(frame, path, (*files, *([vix] if vix else [])), command, root, tuple(changes))
    return path, [*notes, *too_short(frame["Date"].nunique())]


def _told(members: Sequence[Member]) -> list[str]:
    """What the user should know of each asset, and once what holds for all of them."""
    shared = set.intersection(*(set(each.notes) for each in members))
    said = [f"{each.name}: {each.understood}" for each in members] if len(members) <= MOST_TOLD else []
    own = [f"{each.name}: {note}" for each in members for note in each.notes if note not in shared]
    return [*said, *(note for note in members[0].notes if note in shared), *own]


def _files(sources: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, by name; hidden ones left out."""
    found: list[Path] = []
    for source in sources:
        inside = sorted(source.iterdir()) if source.is_dir() else [source]
        found += [each for each in inside if (each.is_file() and not each.name.startswith(".")) or each == source]
    if not found:
        raise DataError(f"{', '.join(map(str, sources))}: no file in there")
    return found


def _members(files: Sequence[Path], vix: Vix | None, options: ImportOptions) -> Iterator[Member]:
    if len(files) == 1:
        sheets = by_ticker(read_sheet(files[0]))
        yield from (_member(name, partial(prices_of, sheet, vix, options)) for name, sheet in sheets.items())
        return
    names = [asset_name(file) for file in files]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"several files are of {', '.join(doubled)}: an asset is named by its file, up to the first dot"
        )
    read = partial(_from_file, vix=vix, options=options)
    several = len(files) > ALONE
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) if several else nullcontext() as pool:
        yield from (pool.map(read, names, files, chunksize=4) if pool else map(read, names, files))


def asset_name(file: Path) -> str:
    """What a panel calls the asset of a file: its name up to the first dot behind its first letter.

    Raises:
        DataError: that is no name.
    """
    name = file.name[:1] + file.name[1:].split(".")[0]
    if not name.isprintable() or len(name) > 64:
        raise DataError(f"{shown(name)} cannot be an asset: rename the file")
    return name


def _from_file(name: str, file: Path, vix: Vix | None, options: ImportOptions) -> Member:
    return _member(name, lambda: prices_of(read_sheet(file), vix, options))


def _member(name: str, read: Read) -> Member:
    try:
        prices = read()
        frame = assemble(prices.frame, name)
    except DataError as error:
        return Member(name, None, str(error))
    understood, *notes = prices.notes
    return Member(name, frame, understood, tuple(notes), prices.changes)


def _usable(members: Sequence[Member], options: ImportOptions) -> tuple[list[Member], list[str]]:
    """The assets that can be used, and a line for each that is left out.

    Raises:
        DataError: one cannot, and none may be left out; or none can.
    """
    checked = _of_one_kind(members)
    bad = [each for each in checked if each.frame is None]
    usable = [each for each in checked if each.frame is not None]
    if not usable or (bad and not options.skip_bad):
        error = DataError(
            f"{len(bad)} of {counted(len(members), 'asset')} cannot be used; mend the files"
            + (", or leave these assets out with --skip-bad" if usable else "")
        )
        for each in bad:
            error.add_note(f"{each.name}: {each.understood}")
        raise error
    return usable, [f"left out {each.name}: {each.understood}" for each in bad]


def _of_one_kind(members: Sequence[Member]) -> list[Member]:
    """The same, with those that lack a column which most others have taken for unusable."""
    columns = [tuple(map(str, each.frame)) for each in members if each.frame is not None]
    if not columns:
        return list(members)
    most = max(columns, key=columns.count)
    return [
        each
        if each.frame is None or tuple(map(str, each.frame)) == most
        else replace(each, frame=None, understood=_other_columns(each.frame, most))
        for each in members
    ]


def _other_columns(frame: pd.DataFrame, most: tuple[str, ...]) -> str:
    lacks, more = [name for name in most if name not in frame], [name for name in frame if name not in most]
    told = [f"lacks {', '.join(lacks)}"] if lacks else []
    told += [f"has {', '.join(map(str, more))} besides"] if more else []
    return f"it {' and '.join(told)}, unlike the other assets"
