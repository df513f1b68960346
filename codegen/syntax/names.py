"""Names that a generated script may use."""

import keyword

# Pinned, because keyword.softkwlist grows between Python versions and the answer must not.
SOFT_KEYWORDS = frozenset({"_", "case", "match", "type"})


class Identifier(str):
    """A name that means the same in every supported Python version: ASCII, no keyword, not reserved.

    Raises:
        TypeError: the value is not a string.
        ValueError: the string is not such a name.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> "Identifier":
        """Validate `text` once, so that whoever holds an `Identifier` need not."""
        if not isinstance(text, str):
            raise TypeError(f"a name must be a string, got {type(text).__name__}")
        if not (text.isascii() and text.isidentifier()):
            reason = "only ASCII letters, digits and underscores are allowed, and no digit first"
        elif keyword.iskeyword(text) or text in SOFT_KEYWORDS:
            reason = "Python's keywords and soft keywords are not allowed"
        elif text.startswith("__"):
            reason = "names that start with two underscores are Python's own and not allowed"
        else:
            return super().__new__(cls, text)
        raise ValueError(f"{text!a} is not a valid name: {reason}")
