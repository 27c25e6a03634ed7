"""What may be handed to the daemon. A value of another type would end the plugin with a trap that no `except` catches, so
each is looked at first. Errors: `TypeError`, `ValueError`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def text(name: str, value: Any) -> str:
    """A text that has a form in UTF-8."""
    if not isinstance(value, str):
        raise _wrong(name, "a str", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"`{name}` holds half a character (a surrogate), which has no form in UTF-8") from None
    return value


def data(name: str, value: Any) -> bytes:
    """Bytes, or a text in UTF-8."""
    if isinstance(value, str):
        return text(name, value).encode()
    if not isinstance(value, bytes | bytearray):
        raise _wrong(name, "bytes or a str", value)
    return bytes(value)


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(name, "a bool", value)
    return value


def number(name: str, value: Any, bits: int = 32) -> int:
    """A whole number from 0 on, of so many bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "an int", value)
    if not 0 <= value < 1 << bits:
        raise ValueError(f"`{name}` must be from 0 to {(1 << bits) - 1}, not {value}")
    return value


def optional[T](check: Callable[..., T], name: str, value: Any, *more: Any) -> T | None:
    """What another check says, or None."""
    return None if value is None else check(name, value, *more)


def each[T](check: Callable[[str, Any], T], name: str, values: Any) -> list[T]:
    """A list of what another check says. A text is not one."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise _wrong(name, "a list", values)
    return [check(f"{name}[{index}]", value) for index, value in enumerate(values)]


def pairs(name: str, values: Any) -> list[tuple[str, str]]:
    """Texts in pairs: a mapping, or a list of tuples."""
    items = values.items() if isinstance(values, Mapping) else values
    return each(_pair, name, items)


def instance[T](of: type[T], name: str, value: Any) -> T:
    """An object of a class."""
    if not isinstance(value, of):
        raise _wrong(name, f"a {of.__module__}.{of.__qualname__}", value)
    return value


def _pair(name: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise _wrong(name, "a pair of texts", value)
    return text(name, value[0]), text(name, value[1])


def _wrong(name: str, wanted: str, value: Any) -> TypeError:
    # Never the value itself: it may be what a server showed.
    return TypeError(f"`{name}` must be {wanted}, not {type(value).__name__}")
