"""Commands that go on when their job has ended."""

from collections.abc import Iterable, Mapping

from wit_world.imports import detached as wit
from wit_world.imports.ssh import Run

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk.ssh import Elevation, Session, raw_session, to_elevation


def launch(
    session: Session,
    commands: Iterable[str],
    *,
    stop_on_error: bool = True,
    environment: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    working_directory: str | None = None,
    elevate: Elevation | None = None,
    stdin: bytes | str | None = None,
) -> Run:
    """Starts commands one after the other, and returns when they run; one that fails is the last, unless `stop_on_error` is False.
    The first of them reads `stdin`, a text. A job launches one task, and only where its request asks for that. Errors: `denied`,
    `invalid-request`, `limit`, `timeout`, `connection-lost`, `exec-refused`, `elevation-failed`, `unsupported` (the target
    cannot keep one)."""
    task = wit.Task(
        _check.each(_check.text, "commands", commands),
        _check.flag("stop_on_error", stop_on_error),
        _check.pairs("environment", environment),
        _check.optional(_check.text, "working_directory", working_directory),
        _check.optional(to_elevation, "elevate", elevate),
        _check.optional(_check.data, "stdin", stdin),
    )
    return ask(wit.launch, raw_session(session), task)
