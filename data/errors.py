"""The one exception of this package that a user is meant to read."""


class DataError(ValueError):
    """A mistake in the user's input or files; its message says what is wrong and how to fix it."""
