"""The generated files on disk: planned, written, sealed, checked, merged, never over a hand edit."""
