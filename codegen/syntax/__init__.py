"""Typed builders of Python source, and the gate it must pass; nothing else in codegen imports libcst."""
