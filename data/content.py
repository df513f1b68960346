"""Hashes of a file's bytes and of a table's content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def file_sha256(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of the bytes of ``path``."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of column names, types and values, in order, whichever writer stored them.

    Dates count as microseconds since 1970, so that the unit in which pandas holds them does not matter;
    numbers count as their little-endian bytes, names of assets as their numbers in the order in which they come, with
    the names. The row index is not content.

    Raises:
        ValueError: another column than ``Asset`` holds neither dates nor plain numbers.
    """
    columns = [(str(name), *_typed_values(str(name), values)) for name, values in frame.items()]
    header = {"rows": len(frame), "columns": [(name, kind) for name, kind, _ in columns]}
    digest = hashlib.sha256(json.dumps(header).encode())
    for _, _, values in columns:
        digest.update(values.tobytes())
    return digest.hexdigest()


def _typed_values(name: str, column: pd.Series) -> tuple[str, npt.NDArray[np.generic]]:
    """Return the name of the column's type and its values as little-endian fixed-width numbers."""
    import numpy as np
    import pandas as pd

    if name == "Asset":
        numbers, names = pd.factorize(column)
        return json.dumps([str(each) for each in names]), numbers.astype("<i4")
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "Mbiuf":
        raise ValueError(f"column {name!r} holds {column.dtype}: only dates and plain numbers can be hashed")
    values = column.to_numpy()
    if values.dtype.kind == "M":
        return "date", values.astype("datetime64[us]").astype("<i8")
    return values.dtype.name, values.astype(values.dtype.newbyteorder("<"))
