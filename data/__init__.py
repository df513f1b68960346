"""The real prices: build, import and verify datasets (``python -m data --help``)."""
