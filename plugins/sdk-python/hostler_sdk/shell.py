"""Interactive sessions: what is typed into the login shell's terminal, and what is waited for.

    with shell.open(session, columns=500) as terminal:
        terminal.expect(["# $"], timeout_ms=10_000)
        terminal.write("show version\\n")
        shown = terminal.expect(["# $"], timeout_ms=10_000).before

The terminal echoes what is typed, unless the program in it turns that off, as it does for passwords. What it showed becomes a
result by `results.keep`."""

from __future__ import annotations

from collections.abc import Iterable

from wit_world.imports import shell as wit
from wit_world.imports.shell import Found

from hostler_sdk import _check, secrets
from hostler_sdk._guard import ask
from hostler_sdk._handle import Handle
from hostler_sdk.secrets import Secret
from hostler_sdk.ssh import Session, raw_session

__all__ = ["Found", "Shell", "open"]


class Shell(Handle):
    """The account's login shell in a terminal. It ends with its session."""

    _name = "shell"

    def write(self, text: str | bytes) -> None:
        """Types a text; a line ends with `\\n` or `\\r`. Errors: `timeout` (the server takes no more), `closed`, `denied`,
        `invalid-request` (the text is not UTF-8)."""
        ask(self._open().write, _check.data("text", text))

    def write_secret(self, secret: Secret) -> None:
        """Types a secret and nothing else, not even a newline. One with control characters is refused: it could be more than
        one line. Errors: those of `write`."""
        ask(self._open().write_secret, secrets._raw("secret", secret))

    def expect(self, patterns: Iterable[str], timeout_ms: int) -> Found:
        """Waits until one of the patterns matches what the terminal shows and was not consumed yet, and consumes it up to the
        end of the match. The match that begins first wins, among equals the first pattern.

        Patterns are those of Rust's crate `regex`, on bytes, not those of `re`: no look-around, no back-references; `\\w` and
        the like are ASCII unless `(?u)` is set; `$` is the end of what was shown so far.

        Errors: `timeout`, `closed` (the server ended the shell), `connection-lost`, `limit` (more is not consumed than the
        daemon keeps, or too many patterns), `denied`, `invalid-request` (a pattern is none)."""
        patterns = _check.each(_check.text, "patterns", patterns)
        return ask(self._open().expect, patterns, _check.number("timeout_ms", timeout_ms))


def open(session: Session, *, terminal: str = "vt100", columns: int = 80, rows: int = 24) -> Shell:
    """Starts it, in a terminal of this type (terminfo(5)). What is typed is echoed in lines of so many columns. Errors: `timeout`,
    `connection-lost`, `exec-refused`, `denied`, `limit`, `invalid-request`."""
    size = _check.number("columns", columns), _check.number("rows", rows)
    options = wit.ShellOptions(_check.text("terminal", terminal), *size)
    return Shell(ask(wit.Shell.open, raw_session(session), options))
