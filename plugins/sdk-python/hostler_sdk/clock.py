"""The time, and waiting.

    while session.run("systemctl is-active app").exit_status != 0:
        clock.sleep(2_000)  # fails when the job has to end

A policy has no clock: it reads `context.now_ms`."""

from wit_world.imports import clock as wit

from hostler_sdk import _check
from hostler_sdk._guard import ask


def now_ms() -> int:
    """The time: milliseconds since 1970 in UTC. It can be set, and so go back."""
    return wit.now_ms()


def sleep(ms: int) -> None:
    """Waits, and no longer than the job has. Errors: `timeout` (the job's time is up), `canceled`, `denied` (there is no job: only
    `execute` and `connect` may wait)."""
    ask(wit.sleep, _check.number("ms", ms))
