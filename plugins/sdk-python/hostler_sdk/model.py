"""What drivers and policies share: requests, jobs, errors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from wit_world.imports import types as wit

from hostler_sdk import _check


class Error(Exception):
    """Why something could not be done: what the daemon answers, and what a driver raises to end its job."""

    def __init__(self, kind: str, phase: str, message: str) -> None:
        """A stable word in kebab case (`auth-failed`, `timeout`, or one of the plugin's own), the phase in which it happened
        (`connect`, `auth`, `exec`, `transfer`, `plugin`, ...), and one sentence that tells the person what to do, without
        any secret."""
        self.kind = _check.text("kind", kind)
        self.phase = _check.text("phase", phase)
        self.message = _check.text("message", message)
        super().__init__(f"{kind} ({phase}): {message}")


class Invalid(Exception):
    """A request, or settings, that cannot be used; raised with all that is wrong."""

    def __init__(self, *problems: Problem) -> None:
        """One problem at least."""
        self.problems = _check.each(_problem, "problems", problems)
        super().__init__("; ".join(problem.message for problem in problems))


@dataclass
class Problem:
    """One thing that is wrong with a request or with settings."""

    path: list[str | int]
    """Field names and array indices from the top, such as `["connection_args", "port"]`."""
    code: str
    """A stable word (one of pydantic's where it fits): `missing`, `value_error`."""
    message: str
    """One sentence that tells the person what to do."""

    def _to_wit(self) -> wit.Problem:
        path = _check.each(lambda name, part: _check.text(name, str(part)), "path", self.path)
        return wit.Problem(path, _check.text("code", self.code), _check.text("message", self.message))


@dataclass
class Hop:
    """A jump host."""

    host: str
    port: int
    user: str

    @classmethod
    def _of(cls, hop: wit.Hop) -> Hop:
        return cls(hop.host, hop.port, hop.user)

    def _to_wit(self) -> wit.Hop:
        return wit.Hop(_check.text("host", self.host), _check.number("port", self.port, 16), _check.text("user", self.user))


@dataclass
class Target:
    """The server a job is for, and the way to it."""

    host: str
    """A name or a literal address."""
    port: int
    """TCP port."""
    user: str
    """Login name."""
    jumps: list[Hop] = field(default_factory=list)
    """Jump hosts on the way, the one that is dialled first."""

    @classmethod
    def _of(cls, target: wit.Target) -> Target:
        return cls(target.host, target.port, target.user, [Hop._of(hop) for hop in target.jumps])

    def _to_wit(self) -> wit.Target:
        jumps = [hop._to_wit() for hop in _check.each(_hop, "jumps", self.jumps)]
        port = _check.number("port", self.port, 16)
        return wit.Target(_check.text("host", self.host), port, _check.text("user", self.user), jumps)


@dataclass
class Request:
    """What a client asks. Secret fields were taken out; `secrets` names those that were given."""

    command: list[str] | None
    """Commands to run, in order."""
    config: list[str] | None
    """Configuration lines to run, in order."""
    connection_args: dict[str, Any]
    """How to reach the target and log in."""
    driver_args: dict[str, Any]
    """What the driver is to mind."""
    secrets: list[str]
    """Paths of the secrets that the client gave, such as `connection_args.password`."""

    @classmethod
    def _of(cls, request: wit.Request) -> Request:
        args, more = json.loads(request.connection_args), json.loads(request.driver_args)
        return cls(request.command, request.config, args, more, request.secrets)

    def _to_wit(self) -> wit.Request:
        def lines(name: str, value: Any) -> list[str]:
            return _check.each(_check.text, name, value)

        return wit.Request(
            _check.optional(lines, "command", self.command),
            _check.optional(lines, "config", self.config),
            to_json("connection_args", self.connection_args),
            to_json("driver_args", self.driver_args),
            lines("secrets", self.secrets),
        )


@dataclass
class Job:
    """A validated request, on its way to being carried out."""

    id: str
    """The job's id."""
    driver: str
    """Name of the driver that carries it out."""
    target: Target
    """The only server the job can reach."""
    request: Request
    """The request as the driver normalised it."""

    @classmethod
    def _of(cls, job: wit.Job) -> Job:
        return cls(job.id, job.driver, Target._of(job.target), Request._of(job.request))


def to_json(name: str, value: Any) -> str:
    """The JSON of a dict. Errors: `TypeError`, `ValueError` of what has no form in JSON."""
    return _check.text(name, json.dumps(_check.instance(dict, name, value), ensure_ascii=False, allow_nan=False))


def _hop(name: str, value: Any) -> Hop:
    return _check.instance(Hop, name, value)


def _problem(name: str, value: Any) -> Problem:
    return _check.instance(Problem, name, value)
