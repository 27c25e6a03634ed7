"""Random numbers of the daemon's system, fit for keys."""

from wit_world.imports import random as wit

from hostler_sdk import _check


def bytes(count: int) -> bytes:
    """So many, at most 65,535."""
    return wit.bytes(_check.number("count", count, 16))

