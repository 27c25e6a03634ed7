"""Drivers: what may be asked of a kind of server, and how it is carried out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from wit_world.exports import driving as wit

from hostler_sdk import _check
from hostler_sdk._guard import answer, as_error, as_problems, report
from hostler_sdk.model import Error, Job, Request, Target, to_json
from hostler_sdk.ssh import Session


@dataclass
class Normalised:
    """A request with defaults filled in, and what the driver read from it."""

    target: Target
    """The server the job is for. The daemon lets the job reach no other."""
    request: Request
    """The request as it will be carried out."""
    warnings: list[str] = field(default_factory=list)
    """What the client should know, one sentence each."""


@dataclass
class Item:
    """One entry of the job's result."""

    command: str
    """What it is the result of: usually the command."""
    run: int
    """Which run it shows: `Run.id`, or what `results.keep` gave."""


class Driver(ABC):
    """A driver. One object serves one job."""

    name: str
    """What requests call it by: lower-case letters, digits and `-`. As in plugin.toml."""
    version: str
    """Its own version. As in plugin.toml."""
    summary: str
    """One sentence."""
    connection_schema: dict[str, Any]
    """JSON Schema (draft 2020-12) of `connection_args`. `writeOnly` marks a secret."""
    driver_schema: dict[str, Any]
    """JSON Schema of `driver_args`."""

    @abstractmethod
    def validate(self, request: Request) -> Normalised:
        """Checks what the schemas cannot say, and fills in defaults. What it returns must pass a second call unchanged, because
        a policy may amend the request in between. Nothing can be asked of the daemon here. Errors: `Invalid`."""

    @abstractmethod
    def execute(self, job: Job) -> list[Item]:
        """Carries the job out, and says which run shows what. Errors: `Error`; the runs that ended before it stay in the job's
        result."""

    def connect(self, job: Job) -> Session:
        """Connects as `execute` would, and does nothing else: for a look at the target, and for what the daemon itself does
        there. The session stays open. Errors: `Error`; a driver that does not say how to connect has no session to give."""
        raise Error("unsupported", "plugin", "This driver cannot connect without a job: submit one.")


def export(driver: type[Driver]) -> type:
    """What `plugin.py` has to call `Driving`."""

    class Driving:
        def describe(self) -> wit.Description:
            return answer(lambda: _description(driver), _cannot_describe)

        def validate(self, request: Any) -> wit.Normalised:
            return answer(lambda: _normalised(driver().validate(Request._of(request))), as_problems)

        def execute(self, job: Any) -> list[wit.Item]:
            return answer(lambda: _check.each(_item, "items", driver().execute(Job._of(job))), as_error)

        def connect(self, job: Any) -> Any:
            def work() -> Any:
                return _check.instance(Session, "session", driver().connect(Job._of(job)))._given_away()

            return answer(work, as_error)

    return Driving


def _description(driver: type[Driver]) -> wit.Description:
    texts = [_check.text(name, getattr(driver, name)) for name in ("name", "version", "summary")]
    schemas = [to_json(name, getattr(driver, name)) for name in ("connection_schema", "driver_schema")]
    return wit.Description(*texts, *schemas)


def _cannot_describe(error: BaseException) -> Any:
    """There is no answer for it: the traceback is logged, and the plugin is not loaded."""
    raise RuntimeError(report(error))


def _normalised(normalised: Any) -> wit.Normalised:
    normalised = _check.instance(Normalised, "validate()", normalised)
    target = _check.instance(Target, "target", normalised.target)
    request = _check.instance(Request, "request", normalised.request)
    return wit.Normalised(target._to_wit(), request._to_wit(), _check.each(_check.text, "warnings", normalised.warnings))


def _item(name: str, item: Any) -> wit.Item:
    item = _check.instance(Item, name, item)
    return wit.Item(_check.text("command", item.command), _check.number("run", item.run))
