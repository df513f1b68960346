"""A YAML document checked against a msgspec struct: every message names line, key, what was given and what is allowed.

msgspec's own messages know neither lines nor the keys of a dict, and guess nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from codegen.request.choices import nearest
from codegen.request.yaml_files import Document, KeyPath, show

Kind = TypeVar("Kind")

_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_KINDS = {bool: "true, false", str: "text", int: "an integer", float: "a number"}


class MisfitError(ValueError):
    """A value that may stand there, but not beside the others; a struct's ``__post_init__`` may raise it.

    Attributes:
        path: where the value stands, seen from the struct.
    """

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path


def convert(document: Document, kind: type[Kind]) -> Kind:
    """The document as a struct. No list may repeat a value.

    Args:
        document: what was read.
        kind: a struct of structs, dicts, tuples of one type, literals, text, numbers and truth values.

    Raises:
        UsageError: naming the first key that is unknown, missing, or has a value that is not allowed.
    """
    _check(document, (), document.value, kind, msgspec.Meta())
    return msgspec.convert(document.value, kind)


def not_allowed(given: object, allowed: Iterable[object]) -> str:
    """What was given, what is allowed, and the nearest allowed value."""
    names = [str(each) for each in allowed]
    return _refuse(given, ", ".join(names), nearest(str(given), names))


def not_here(given: object, allowed: Iterable[object], why: str) -> str:
    """What was given, what is allowed and why; no guess, because the value is spelt as it should be."""
    return _refuse(given, f"{', '.join(map(str, allowed)) or 'nothing'} ({why})")


def _refuse(given: object, allowed: str, guess: str | None = None) -> str:
    return f"{show(given)} is not allowed; allowed: {allowed}" + (f". Did you mean {guess}?" if guess else "")


def _check(document: Document, path: KeyPath, value: Any, wanted: Any, limits: msgspec.Meta) -> None:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        _check(document, path, value, arguments[0], arguments[1])
    elif origin is Union:  # a list, or one of its values
        _check(document, path, value, arguments[not isinstance(value, list)], limits)
    elif origin is UnionType:  # with None, which is what an empty value gives
        if value is not None:
            _check(document, path, value, arguments[0], limits)
    elif origin is tuple:
        _check_list(document, path, value, arguments[0], limits)
    elif origin is dict:
        _check_dict(document, path, value, arguments, limits)
    elif origin is None and issubclass(wanted, msgspec.Struct):
        _check_struct(document, path, value, wanted)
    else:
        _check_scalar(document, path, value, wanted, limits)


def _check_struct(document: Document, path: KeyPath, value: Any, wanted: type[msgspec.Struct]) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(wanted)}
    if not isinstance(value, dict):
        raise document.refusal(path, _refuse(value, f"a mapping with the keys {', '.join(fields)}"))
    for key in value:
        if key not in fields:
            guess = f". Did you mean {close!r}?" if (close := nearest(key, fields)) else ""
            message = f"unknown key {show(key)}; allowed: {', '.join(fields)}{guess}"
            raise document.refusal(path, message, line_of=(*path, key))
    for name, field in fields.items():
        if name in value:
            _check(document, (*path, name), value[name], field.type, msgspec.Meta())
        elif field.required:
            needed = ", ".join(each.name for each in fields.values() if each.required)
            raise document.refusal(path, f"the key {name!r} is missing; needed: {needed}")
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        if not isinstance(error.__cause__, MisfitError):
            raise
        raise document.refusal((*path, *error.__cause__.path), str(error)) from error


def _check_dict(document: Document, path: KeyPath, value: Any, kinds: tuple[Any, ...], limits: msgspec.Meta) -> None:
    if not isinstance(value, dict) or len(value) < (limits.min_length or 0):
        raise document.refusal(path, _refuse(value, f"a mapping{' with a key' if limits.min_length else ''}"))
    for key, inner in value.items():
        _check(document, (*path, key), key, kinds[0], msgspec.Meta())
        _check(document, (*path, key), inner, kinds[1], msgspec.Meta())


def _check_list(document: Document, path: KeyPath, value: Any, kind: Any, limits: msgspec.Meta) -> None:
    least, most = limits.min_length or 0, limits.max_length
    if not isinstance(value, list) or len(value) < least or (most is not None and len(value) > most):
        length = "" if not least else f" of {least} values" if least == most else f" of {least} or more values"
        guess = f"[{value}]" if type(value) in (str, int) and least < 2 else None
        raise document.refusal(path, _refuse(value, f"a list{length}", guess))
    for index, item in enumerate(value):
        _check(document, (*path, index), item, kind, msgspec.Meta())
        if item in value[:index]:
            raise document.refusal((*path, index), f"{show(item)} stands there twice")


def _check_scalar(document: Document, path: KeyPath, value: Any, wanted: Any, limits: msgspec.Meta) -> None:
    try:
        msgspec.convert(value, Annotated[wanted, limits])
    except msgspec.ValidationError as error:
        if get_origin(wanted) is Literal:
            raise document.refusal(path, not_allowed(value, get_args(wanted))) from error
        message = _refuse(value, _allowed(wanted, limits), _number_meant(value, wanted))
        raise document.refusal(path, message) from error


def _allowed(wanted: type, limits: msgspec.Meta) -> str:
    bounds = {word: getattr(limits, name) for name, word in _BOUNDS.items()}
    pattern = [] if limits.pattern is None else [f"matching {limits.pattern}"]
    return ", ".join([_KINDS[wanted], *pattern, *(f"{word} {end}" for word, end in bounds.items() if end is not None)])


def _number_meant(value: object, wanted: type) -> str | None:
    """How to write what YAML 1.1 reads as text: numbers in quotes, and ``1e-4``, which lacks a point."""
    found = re.fullmatch(r"([-+]?[0-9]+)(\.[0-9]*)?(?:[eE]([-+]?[0-9]{1,3}))?", value if isinstance(value, str) else "")
    if found is None:
        return None
    if wanted is float:
        return f"{found[1]}{found[2] or '.0'}" + (f"e{int(found[3]):+d}" if found[3] else "")
    return found[1] if wanted is int and found[0] == found[1] else None
