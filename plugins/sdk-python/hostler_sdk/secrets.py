"""Values that a plugin may use but not see."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from wit_world.imports import secrets as wit

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk.model import Error


class Secret:
    """A secret of this job's request. It can be handed to the functions that take one, each for the use that the field is meant
    for: a password is not accepted as a key."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def path(self) -> str:
        """Where it stands in the request."""
        return ask(self._open().path)

    def close(self) -> None:
        """Gives it back. Closing twice is no error."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self) -> Any:
        if self._handle is None:
            raise Error("closed", "plugin", "The secret was closed before: use it inside of its `with`.")
        return self._handle


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
