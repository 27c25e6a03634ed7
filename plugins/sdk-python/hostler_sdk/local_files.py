"""Files of the daemon's own machine: which of them a `transfer` reads or writes.

A driver names them and never sees what they hold. They lie below the folders that the operator names; a relative path starts at
the first of those. Ask before you connect: what is refused here needs no session. Errors of all: `denied`, `not-found`,
`permission-denied`, `invalid-request` (the path), `busy` (there is no room), `limit`, `canceled`."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from wit_world.imports.local_files import LocalFile as _LocalFile

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk.model import Error


class LocalFile:
    """A file or folder that was admitted. Nothing of it was read or written yet."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def path(self) -> str:
        """Its whole path, as grants and policies see it."""
        return ask(self._open().path)

    def kind(self) -> str:
        """`file`, `folder`, `other`, or `nothing` if it does not exist yet. As it was when it was admitted."""
        return ask(self._open().kind)

    def size(self) -> int | None:
        """Bytes of a file."""
        return ask(self._open().size)

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
            raise Error("closed", "plugin", "The local file was closed before: use it inside of its `with`.")
        return self._handle


def to_read(path: str) -> LocalFile:
    """One that exists, for `transfer.upload`."""
    return LocalFile(ask(_LocalFile.to_read, _check.text("path", path)))


def to_write(path: str) -> LocalFile:
    """One that exists or is to be made, for `transfer.download`."""
    return LocalFile(ask(_LocalFile.to_write, _check.text("path", path)))


def staged() -> LocalFile:
    """The staged file that came with the request, for `transfer.upload`. Its name is `staged` of `driver_args`, where the driver's
    schema has that property."""
    return LocalFile(ask(_LocalFile.staged))


def to_stage(name: str) -> LocalFile:
    """A new staged file, for one `transfer.download` of one file; then the client can fetch it under this name, of which only the
    last part counts."""
    return LocalFile(ask(_LocalFile.to_stage, _check.text("name", name)))
