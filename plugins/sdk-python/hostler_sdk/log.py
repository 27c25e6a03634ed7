"""Lines for the daemon's log, under the plugin's name and the job's id; and sentences for the client.

The daemon cuts out the job's secrets, and drops lines beyond the plugin's budget."""

from wit_world.imports import events

from hostler_sdk import _check


def error(message: str) -> None:
    """Something that keeps the plugin from doing its work."""
    _write("error", message)


def warn(message: str) -> None:
    """Something that the operator should look at."""
    _write("warn", message)


def info(message: str) -> None:
    """Something worth knowing."""
    _write("info", message)


def debug(message: str) -> None:
    """Something for the plugin's author."""
    _write("debug", message)


def trace(message: str) -> None:
    """Every step."""
    _write("trace", message)


def tell(message: str) -> None:
    """One sentence for the client, who reads it among the warnings of the job."""
    events.tell(_check.text("message", message))


def _write(level: str, message: str) -> None:
    events.log(level, _check.text("message", message))
