"""The rows that an import asks for are those that a script with default flags needs."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.request.parameters import default_chunk_length
from codegen.request.request import Request
from data.schema import PROTOCOL_ROWS
from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter


def test_the_default_protocol_needs_exactly_these_rows() -> None:
    context = Request.__dataclass_fields__["context_length"].default
    options: dict[str, Any] = {"context_length": context, "horizon": 1, "chunk_length": default_chunk_length(context)}
    assert len(ChunkSplitter(PROTOCOL_ROWS, **options).split().train_indices)
    with pytest.raises(UserError, match=f"need at least {PROTOCOL_ROWS} rows"):
        ChunkSplitter(PROTOCOL_ROWS - 1, **options)
