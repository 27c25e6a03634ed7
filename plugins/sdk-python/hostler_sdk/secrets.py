"""Values that a plugin may use but not see."""

from __future__ import annotations

from typing import Any

from wit_world.imports import secrets as wit

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk._handle import Handle
from hostler_sdk.model import Error


class Secret(Handle):
    """A secret of this job's request. It can be handed to the functions that take one, each for the use that the field is meant
    for: a password is not accepted as a key."""

    _name = "secret"

    def path(self) -> str:
        """Where it stands in the request."""
        return ask(self._open().path)


def get(path: str) -> Secret:
    """The secret at a path of the request. Errors: `not-found`, `limit` (too many open handles)."""
    return Secret(ask(wit.get, _check.text("path", path)))


def find(path: str) -> Secret | None:
    """The secret at a path such as `connection_args.password`, or None if the client gave none. Errors: `limit`."""
    try:
        return get(path)
    except Error as error:
        if error.kind == "not-found":
            return None
        raise


def _raw(name: str, value: Any) -> Any:
    """The handle of a secret that is handed over."""
    return _check.instance(Secret, name, value)._open()
