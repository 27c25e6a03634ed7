"""One command line: what is typed into it and what it answers."""

import re
from types import TracebackType
from typing import Self

from hostler_sdk import Error, shell
from hostler_sdk.secrets import Secret
from hostler_sdk.ssh import Session

from screen import lines

# What is waited for is searched by the daemon, as regular expressions of Rust's crate `regex`.
START = r"(?:^|[\r\n\x08]|\x1b\[[0-9;?]*[A-Za-z])"
NAME = r"[A-Za-z0-9][A-Za-z0-9_.:/@~-]{0,63}"
END = r"(?:\([A-Za-z0-9_.:/ -]{1,64}\))?[>#$] ?$"
ANY_PROMPT = START + NAME + END
MORE = r"(?i)(?:^|[\r\n])[ <(\[-]{2,10}more\b[^\r\n]{0,80}$"
PASSWORD = r"(?i)(?:^|[\r\n])[^\r\n]{0,40}password[^\r\n]{0,20}: ?$"

LONGEST = 4 << 20
"""Bytes of an answer."""


class Terminal:
    """An appliance's command line, at a prompt."""

    def __init__(self, session: Session, timeout_ms: int) -> None:
        # Long lines would come back wrapped.
        self._shell = shell.open(session, columns=500)
        self._timeout_ms = timeout_ms
        self.at = ""
        """The prompt that it shows."""

    def __enter__(self) -> Self:
        self._shell.__enter__()
        self._read("the login", ANY_PROMPT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._shell.__exit__(kind, error, trace)

    def ask(self, line: str) -> str:
        """Types a line and gives the answer, without the line itself."""
        self._shell.write(line + "\n")
        # What configures may change the prompt's name; otherwise no other line is taken for a prompt.
        answer = lines(self._read(line, ANY_PROMPT if "(" in self.at else self._same_prompt()))
        echo, _, rest = answer.partition("\n")
        return rest if echo.strip() == line.strip() else answer

    def enable(self, password: Secret | None) -> None:
        """Gets the rights to configure. The password is typed where it is asked for, and nowhere else."""
        if self.at.endswith("#"):
            return
        self._shell.write("enable\n")
        if self._is_asked_for_password():
            if password is None:
                raise refused("The appliance asks for the enable password: give `driver_args.enable_password`.")
            self._shell.write_secret(password)
            self._shell.write("\n")
            if self._is_asked_for_password():
                raise refused("The appliance does not accept the enable password: check `driver_args.enable_password`.")
        if not self.at.endswith("#"):
            raise refused("The appliance does not let this account into enable mode: check its rights there.")

    def _is_asked_for_password(self) -> bool:
        found = self._expect("enable", [self._same_prompt(), PASSWORD])
        if found.pattern == 0:
            self.at = lines(found.matched).strip()
        return found.pattern == 1

    def _same_prompt(self) -> str:
        name = re.split(r"[(>#$]", self.at)[0]
        return START + name.replace(".", r"\.") + END

    def _read(self, line: str, prompt: str) -> bytes:
        """All pages up to the next prompt, as they were sent, without the pager's questions."""
        sent = b""
        while True:
            found = self._expect(line, [prompt, MORE])
            sent += found.before
            if found.pattern == 0:
                self.at = lines(found.matched).strip()
                return sent
            if len(sent) > LONGEST:
                raise Error("limit", "exec", f"The answer to `{line}` is longer than {LONGEST} bytes: ask for less.")
            # The pattern takes the end of the line before with it.
            if found.matched[:1] in (b"\r", b"\n"):
                sent += found.matched[:1]
            self._shell.write(" ")

    def _expect(self, line: str, patterns: list[str]) -> shell.Found:
        try:
            return self._shell.expect(patterns, self._timeout_ms)
        except Error as error:
            if error.kind in ("timeout", "closed"):
                raise Error(error.kind, error.phase, f"After `{line}`, {error.message}.") from None
            raise


def refused(message: str) -> Error:
    return Error("enable-refused", "exec", message)
