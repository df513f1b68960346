"""PatchTST: its shape, its layers, and the arithmetic that makes them fast."""
