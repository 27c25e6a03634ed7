"""Results that a driver makes itself, out of what it read."""

from wit_world.imports import results as wit

from hostler_sdk import _check
from hostler_sdk._guard import ask


def keep(command: str, output: bytes | str, exit_status: int | None = None) -> int:
    """Keeps a result, and gives the id that an `Item` refers to. It counts as a run. Secrets of the job are cut out of the output;
    beyond the plugin's budget, the middle is. `exit_status` says whether it worked, as a command would; absent: the server did
    not say. Errors: `limit`, `denied`."""
    status = _check.optional(_check.number, "exit_status", exit_status)
    return ask(wit.keep, wit.Made(_check.text("command", command), _check.data("output", output), status))
