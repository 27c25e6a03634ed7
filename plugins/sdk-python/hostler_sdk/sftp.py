"""Operations on the files of the job's own target, for drivers that look before they act.

    with sftp.open(session) as files:
        motd = files.read("/etc/motd", 0, 64 << 10)
        for entry in files.list("/etc/apt/sources.list.d").entries:
            log.info(entry.name)

A path has one spelling: no `..`, no `.` as a part, no `//`, no slash at its end. What a file holds comes as it is, secrets
included. A listing is cut at 10,000 entries and says so; names that are not UTF-8 are left out of it and counted. `write` replaces a
file in place; writing beside it, removing it and renaming leaves a moment without one. `transfer` replaces a file at once.

Errors that every operation can have: `invalid-request` (the path, an offset, or the session is closed), `denied`, `not-found`,
`permission-denied` (by the server), `transfer-failed` (whatever else the server says), `unsupported` (the server has no SFTP, or
not that), `exec-refused` (no room for a channel), `limit`, `timeout` (after 30 s), `connection-lost`, `protocol`, `canceled`."""

from __future__ import annotations

from wit_world.imports import sftp as wit
from wit_world.imports.sftp import Attributes, Entry, Listing

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk._handle import Handle
from hostler_sdk.ssh import Session, raw_session

__all__ = ["Attributes", "Entry", "File", "Listing", "Sftp", "open"]


class File(Handle):
    """An open file. Each call is judged by its path again."""

    _name = "file"
    # Some servers find out only at the end that what was written had no room.
    _closing_matters = True

    def stat(self) -> Attributes:
        """What is known about it."""
        return ask(self._open().stat)

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from an offset on, at most 1 MiB; fewer only at its end."""
        return ask(self._open().read, _check.number("offset", offset, 64), _check.number("size", size))

    def write(self, offset: int, content: bytes | str) -> None:
        """Writes from an offset on. If it fails, any part may have been written."""
        ask(self._open().write, _check.number("offset", offset, 64), _check.data("content", content))


class Sftp(Handle):
    """The files of a session's server."""

    _name = "access to files"

    def stat(self, path: str) -> Attributes:
        """What is known about a file or folder."""
        return ask(self._open().stat, _check.text("path", path))

    def link_stat(self, path: str) -> Attributes:
        """The same of a link itself."""
        return ask(self._open().link_stat, _check.text("path", path))

    def read_link(self, path: str) -> str:
        """The text of a link: the path that it leads to, from its own folder on if it is relative."""
        return ask(self._open().read_link, _check.text("path", path))

    def list(self, path: str) -> Listing:
        """What is in a folder."""
        return ask(self._open().list, _check.text("path", path))

    def read(self, path: str, offset: int, size: int) -> bytes:
        """So many bytes of a file from an offset on, at most 1 MiB; fewer only at its end."""
        place = _check.number("offset", offset, 64), _check.number("size", size)
        return ask(self._open().read, _check.text("path", path), *place)

    def write(self, path: str, content: bytes | str) -> None:
        """Makes a file, or replaces the content of one in place and keeps its mode: if it fails midway, the file holds a part. No
        more than one call may carry (8 MiB, unless the operator says otherwise)."""
        ask(self._open().write, _check.text("path", path), _check.data("content", content))

    def open(self, path: str, *, read: bool = True, write: bool = False, create: str = "never") -> File:
        """Opens a file. `create` says what becomes of it at once: `never` (it must exist), `missing` (it is made if it does not
        exist), `empty` (the same; what it holds is thrown away), `new` (it must not exist). All but `never` need `write`."""
        mode = wit.OpenMode(_check.flag("read", read), _check.flag("write", write), _check.text("create", create))
        return File(ask(wit.File.open, self._open(), _check.text("path", path), mode))

    def remove(self, path: str) -> None:
        """Removes a file, or a link and not what it leads to."""
        ask(self._open().remove, _check.text("path", path))

    def rename(self, path: str, to: str) -> None:
        """Gives a file or folder another path, which must not exist yet."""
        ask(self._open().rename, _check.text("path", path), _check.text("to", to))

    def make_folder(self, path: str) -> None:
        """Makes a folder. The one around it must exist."""
        ask(self._open().make_folder, _check.text("path", path))

    def remove_folder(self, path: str) -> None:
        """Removes an empty folder."""
        ask(self._open().remove_folder, _check.text("path", path))

    def symlink(self, path: str, to: str) -> None:
        """Makes a symbolic link at a path that must not exist yet, with a text, which may be any path."""
        ask(self._open().symlink, _check.text("path", path), _check.text("to", to))

    def set_mode(self, path: str, mode: int) -> None:
        """Sets permissions: the lower twelve bits of a mode. Follows links."""
        ask(self._open().set_mode, _check.text("path", path), _check.number("mode", mode))


def open(session: Session) -> Sftp:
    """Gives access to files over a session. Nothing is sent before the first operation was allowed. Errors: `invalid-request` (the
    session is closed), `limit` (as many may be open as sessions)."""
    return Sftp(ask(wit.Sftp.open, raw_session(session)))
