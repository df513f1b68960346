"""The sections of a generated script: each module builds one of them from a spec."""
