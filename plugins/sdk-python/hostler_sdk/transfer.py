"""Whole files and folders, moved by the daemon between its own machine and the job's target.

    with local_files.to_read("images/router.bin") as image, connect(job) as session:
        moved = transfer.upload(session, image, "/flash/router.bin")
    return [driver.Item("upload", moved.id)]

A file changes at once: it is written beside its target and then takes the target's place."""

from dataclasses import dataclass
from typing import Any

from wit_world.imports import transfer as wit
from wit_world.imports.transfer import Moved

from hostler_sdk import _check
from hostler_sdk._guard import ask
from hostler_sdk.local_files import LocalFile
from hostler_sdk.ssh import Session, raw_session

__all__ = ["Moved", "Options", "download", "upload"]


@dataclass
class Options:
    """How to move: if nothing else is said, one file, which replaces what is there, from its beginning, as fast as possible, within
    the operator's deadline."""

    recursive: bool = False
    """Whether it may be a folder, with all that is in it."""
    overwrite: bool = True
    """Whether a file that exists may be replaced."""
    resume: bool = False
    """Whether to continue what an earlier transfer left, if it proves to be the same, and to leave a part if this one fails."""
    compare: str = "never"
    """Which files are left alone: `never`, `size-and-time` (those are the same), `sha256` or `md5` (size and hash are)."""
    links: str = "copy"
    """What becomes of symbolic links in a folder: `copy`, `follow` (not out of the folder), `skip`."""
    verify: str | None = None
    """The hash by which both sides are compared afterwards: `sha256` or `md5`."""
    request_size: int | None = None
    """Bytes that one request carries, clamped to what is possible. Absent: as many as possible."""
    mode: int | None = None
    """Permissions that the files get. Absent: those of the target if it exists, else those of the source."""
    make_folders: bool = False
    """Whether missing folders above the target are made."""
    in_place: bool = False
    """Whether to write into the target itself instead of a part file that then takes its place."""
    durable: bool = False
    """Whether to wait until the content is on the disk."""
    timeout_ms: int | None = None
    """Wall clock for all of it. Absent: the operator's limit."""

    def _to_wit(self) -> wit.Options:
        return wit.Options(
            _check.flag("recursive", self.recursive),
            _check.flag("overwrite", self.overwrite),
            _check.flag("resume", self.resume),
            _check.text("compare", self.compare),
            _check.text("links", self.links),
            _check.optional(_check.text, "verify", self.verify),
            _check.optional(_check.number, "request_size", self.request_size),
            _check.optional(_check.number, "mode", self.mode),
            _check.flag("make_folders", self.make_folders),
            _check.flag("in_place", self.in_place),
            _check.flag("durable", self.durable),
            _check.optional(_check.number, "timeout_ms", self.timeout_ms, 64),
        )


def upload(session: Session, local: LocalFile, remote: str, options: Options | None = None) -> Moved:
    """Moves to the server. Errors: `invalid-request` (an option, the path, the local file is one to write to), `denied`, `not-found`,
    `permission-denied`, `transfer-failed`, `unsupported`, `exec-refused`, `limit`, `timeout`, `connection-lost`, `protocol`,
    `canceled`."""
    sides = raw_session(session), _raw(local), _check.text("remote", remote)
    return ask(wit.upload, *sides, _options(options))


def download(session: Session, remote: str, local: LocalFile, options: Options | None = None) -> Moved:
    """Moves from the server. Errors: those of `upload`."""
    sides = raw_session(session), _check.text("remote", remote), _raw(local)
    return ask(wit.download, *sides, _options(options))


def _raw(local: Any) -> Any:
    return _check.instance(LocalFile, "local", local)._open()


def _options(options: Any) -> wit.Options:
    return (Options() if options is None else _check.instance(Options, "options", options))._to_wit()
