"""What a machine sees of a project: one hash of the code, the scripts and the data that a run reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def checkout_sha256(project: Path, scripts: Sequence[Path]) -> str:
    """Hash of packages, scripts, manifest and processed data: names and contents.

    Raises:
        OSError: if something is missing.
    """
    code = [file for package in ("runtime", "data") for file in (project / package).rglob("*.py")]
    data = [project / "data/manifest.json", *(project / "data/processed").glob("*.parquet")]
    digest = hashlib.sha256()
    for file in sorted({*code, *data, *scripts}):
        with file.open("rb") as content:
            digest.update(
                f"{file.relative_to(project)} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode()
            )
    return digest.hexdigest()
