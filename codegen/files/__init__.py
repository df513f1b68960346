"""The generated files on disk: planned, written, sealed, checked, compared, merged, never over a hand edit."""
