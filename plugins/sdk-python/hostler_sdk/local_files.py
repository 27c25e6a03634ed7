"""Files of the daemon's own machine: which of them a `transfer` reads or writes.

A driver names them and never sees what they hold. They lie below the folders that the operator names; a relative path starts at
the first of those. Ask before you connect: what is refused here needs no session. Errors of all: `denied`, `not-found`,
`permission-denied`, `invalid-request` (the path), `busy` (there is no room), `limit`, `canceled`."""

from __future__ import annotations

from wit_world.imports.local_files import LocalFile as _LocalFile

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk._handle import Handle


class LocalFile(Handle):
    """A file or folder that was admitted. Nothing of it was read or written yet."""

    _name = "local file"

    def path(self) -> str:
        """Its whole path, as grants and policies see it."""
        return ask(self._open().path)

    def kind(self) -> str:
        """`file`, `folder`, `other`, or `nothing` if it does not exist yet. As it was when it was admitted."""
        return ask(self._open().kind)

    def size(self) -> int | None:
        """Bytes of a file."""
        return ask(self._open().size)


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
