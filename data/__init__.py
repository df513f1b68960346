"""The real prices: build, import and verify datasets (``python -m data --help``)."""

from data.supported import require_supported

require_supported()
