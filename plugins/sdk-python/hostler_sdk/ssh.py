"""Sessions with the job's own target.

    with secrets.get("connection_args.password") as password:
        session = ssh.connect([ssh.Password(password)])
    with session:
        run = session.run("uname -a", timeout_ms=10_000)

The daemon dials, verifies the host key, logs in and enforces every deadline; a driver says in what order and what to run.
There is no way to name another server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wit_world.imports import ssh as wit
from wit_world.imports.ssh import Run

from hostler_sdk import _check, secrets
from hostler_sdk._guard import ask
from hostler_sdk._handle import Handle
from hostler_sdk.secrets import Secret

__all__ = ["Agent", "Authentication", "DefaultKeys", "Elevation", "Key", "KeyFile", "Password", "Run", "Session", "connect"]


@dataclass
class Password:
    """`password`, and `keyboard-interactive` where the server offers only that (RFC 4252, RFC 4256)."""

    password: Secret

    def _to_wit(self) -> Any:
        return wit.Authentication_Password(secrets._raw("password", self.password))


@dataclass
class Key:
    """A private key given as text: OpenSSH, PKCS#1, PKCS#8 or SEC1."""

    text: Secret
    passphrase: Secret | None = None
    """What decrypts it, if it is encrypted."""
    certificate: str | None = None
    """The user certificate for it: the line that `ssh-keygen -s` writes."""

    def _to_wit(self) -> Any:
        passphrase = _check.optional(secrets._raw, "passphrase", self.passphrase)
        certificate = _check.optional(_check.text, "certificate", self.certificate)
        return wit.Authentication_Key(wit.Key(secrets._raw("text", self.text), passphrase, certificate))


@dataclass
class KeyFile:
    """A private key in a file of the daemon's, inside the folders that the operator names."""

    path: str
    """A relative one starts at the first of those folders."""
    passphrase: Secret | None = None
    """What decrypts it, if it is encrypted."""

    def _to_wit(self) -> Any:
        passphrase = _check.optional(secrets._raw, "passphrase", self.passphrase)
        return wit.Authentication_KeyFile(wit.KeyFile(_check.text("path", self.path), passphrase))


@dataclass
class Agent:
    """The keys of the daemon's agent, if the operator allows that."""

    def _to_wit(self) -> Any:
        return wit.Authentication_Agent()


@dataclass
class DefaultKeys:
    """The daemon's default keys, if the operator allows that."""

    def _to_wit(self) -> Any:
        return wit.Authentication_DefaultKeys()


Authentication = Password | Key | KeyFile | Agent | DefaultKeys
"""One way to log in (RFC 4252)."""


@dataclass
class Elevation:
    """Another user's rights, by sudo."""

    user: str = "root"
    """Whose rights."""
    password: Secret | None = None
    """What sudo gets if it asks, and only then."""

    def _to_wit(self) -> wit.Elevation:
        password = _check.optional(secrets._raw, "password", self.password)
        return wit.Elevation(_check.text("user", self.user), password)


class Session(Handle):
    """One authenticated connection to the job's target."""

    _name = "session"

    def run(
        self,
        command: str,
        *,
        environment: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        working_directory: str | None = None,
        elevate: Elevation | None = None,
        pty: bool = False,
        stdin: bytes | str | None = None,
        answers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        event_size: int = 0,
        timeout_ms: int | None = None,
    ) -> Run:
        """Runs a command to its end, for the login shell as it is. A status other than 0 is no error.

        `environment` is for this command only. It starts in `working_directory`, or at the user's home. `pty` gives it a
        terminal; standard error is then part of standard output. It reads `stdin`, or nothing. `answers` are typed, with a
        newline, whenever it shows the text before them. An event of its output holds at most `event_size` bytes; 1 makes an
        event of each line, 0 of what comes. After `timeout_ms` the remote process is stopped.

        Errors: `timeout`, `connection-lost`, `exec-refused`, `denied`, `invalid-request`."""
        exec = wit.Exec(
            _check.text("command", command),
            _check.pairs("environment", environment),
            _check.optional(_check.text, "working_directory", working_directory),
            _check.optional(to_elevation, "elevate", elevate),
            _check.flag("pty", pty),
            _check.optional(_check.data, "stdin", stdin),
            _check.pairs("answers", answers),
            _check.number("event_size", event_size),
            _check.optional(_check.number, "timeout_ms", timeout_ms, 64),
        )
        return ask(self._open().run, exec)


def connect(
    authentication: Iterable[Authentication],
    *,
    jumps: Iterable[Iterable[Authentication]] = (),
    host_key_policy: str = "reject",
    host_keys: Iterable[str] = (),
    compress: bool = False,
    keepalive_ms: int | None = None,
    reuse: bool = False,
    bulk: bool = False,
    connect_timeout_ms: int | None = None,
    banner_timeout_ms: int | None = None,
    auth_timeout_ms: int | None = None,
) -> Session:
    """Connects and logs in, trying the methods in the order given; `jumps` has those for each of the target's jump hosts.

    `host_key_policy`: `reject`, the key must be on record; `auto_add`, a first key is recorded; `warning`, an unknown key is
    accepted, reported, and not recorded. All refuse a changed or revoked key. `host_keys` stand in for those on record:
    `SHA256:…`, or a public key as text. `reuse`: the session may be one that an equal request left open. `bulk`: it is to move
    files. A deadline that is absent is the operator's.

    Errors: `unknown-host`, `refused`, `unreachable`, `timeout`, `host-key-changed`, `host-key-unknown`, `host-key-revoked`,
    `bad-key`, `auth-failed`, `protocol`, `denied`, `limit`."""
    options = wit.ConnectOptions(
        _check.text("host_key_policy", host_key_policy),
        _check.each(_check.text, "host_keys", host_keys),
        _check.flag("compress", compress),
        _check.optional(_check.number, "keepalive_ms", keepalive_ms),
        _check.flag("reuse", reuse),
        _check.flag("bulk", bulk),
        _check.optional(_check.number, "connect_timeout_ms", connect_timeout_ms),
        _check.optional(_check.number, "banner_timeout_ms", banner_timeout_ms),
        _check.optional(_check.number, "auth_timeout_ms", auth_timeout_ms),
    )
    methods, others = _methods("authentication", authentication), _check.each(_methods, "jumps", jumps)
    return Session(ask(wit.Session.connect, methods, others, options))


def raw_session(session: Any) -> Any:
    """The handle of a session that is handed over."""
    return _check.instance(Session, "session", session)._open()


def to_elevation(name: str, value: Any) -> wit.Elevation:
    """Whose rights, as the daemon takes it."""
    return _check.instance(Elevation, name, value)._to_wit()


def _methods(name: str, values: Any) -> list[Any]:
    return _check.each(_method, name, values)


def _method(name: str, value: Any) -> Any:
    if not isinstance(value, Authentication):
        raise TypeError(f"`{name}` must be a Password, Key, KeyFile, Agent or DefaultKeys, not {type(value).__name__}")
    return value._to_wit()
