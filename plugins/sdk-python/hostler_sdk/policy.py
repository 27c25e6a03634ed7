"""Policies: whether a job, and each action of it, may happen."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from wit_world.exports import judging as wit

from hostler_sdk import _check
from hostler_sdk._guard import answer, as_problems, report
from hostler_sdk.model import Job, Target, to_json


@dataclass
class Context:
    """What a policy knows besides the question."""

    settings: dict[str, Any]
    """The operator's settings, which `check_settings` accepted."""
    now_ms: int
    """The time: milliseconds since 1970 in UTC."""
    may_amend: bool
    """Whether an amendment would be carried out: the operator allows it, and the job was not amended yet."""


@dataclass
class Action:
    """Something a driver is about to do, after the job itself was allowed."""

    job: str
    """The job's id."""
    driver: str
    """Name of the driver."""
    kind: str
    """`connect`, `exec`, `type`, `read-file`, ...: wit/judging.wit lists them. Deny a kind that the policy does not know."""
    target: Target
    """The server where it happens: the job's target, or for `connect` one of its jump hosts too."""
    details: dict[str, Any]
    """By kind, as wit/judging.wit describes them."""


@dataclass
class Allow:
    """It may happen, as far as this policy goes."""


@dataclass
class Deny:
    """It may not."""

    code: str
    """A stable word for the rule."""
    reason: str
    """One sentence for the client."""


@dataclass
class Amend:
    """A job may happen once it is changed. The driver and all policies then judge it again."""

    patch: list[dict[str, Any]]
    """JSON Patch (RFC 6902) of `{"command": […], "config": […], "connection_args": {…}, "driver_args": {…}}`. It may touch no
    secret, and the target stays what it is."""
    reason: str
    """One sentence for the client."""


class Policy(ABC):
    """A policy. One object serves one job, and may be dropped and made again between any two questions: keep nothing in it that
    a judgement depends on."""

    name: str
    """What the configuration calls it by. As in plugin.toml."""
    version: str
    """Its own version. As in plugin.toml."""
    summary: str
    """One sentence."""
    settings_schema: dict[str, Any]
    """JSON Schema (draft 2020-12) of the settings."""

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Checks what the schema cannot say about the operator's settings, before they are used. Errors: `Invalid`."""

    @abstractmethod
    def review(self, context: Context, job: Job) -> Allow | Deny | Amend:
        """Judges a job before it is accepted. An exception denies."""

    @abstractmethod
    def authorize(self, context: Context, action: Action) -> Allow | Deny:
        """Judges an action right before it happens. An exception denies."""


def export(policy: type[Policy]) -> type:
    """What `plugin.py` has to call `Judging`."""

    class Judging:
        def __init__(self) -> None:
            self._policy: Policy | None = None
            self._settings: tuple[str, dict[str, Any]] = ("{}", {})

        def describe(self) -> wit.Description:
            return answer(lambda: _description(policy), _cannot_describe)

        def check_settings(self, settings: str) -> None:
            answer(lambda: self._made().check_settings(json.loads(settings)), as_problems)

        def review(self, context: Any, job: Any) -> Any:
            def work() -> Any:
                return _judgement(self._made().review(self._context(context), Job._of(job)))

            return answer(work, lambda error: wit.Judgement_Deny(_denial(error)))

        def authorize(self, context: Any, action: Any) -> Any:
            def work() -> Any:
                return _verdict(self._made().authorize(self._context(context), _action(action)))

            return answer(work, lambda error: wit.Verdict_Deny(_denial(error)))

        def _made(self) -> Policy:
            if self._policy is None:
                self._policy = policy()
            return self._policy

        def _context(self, context: Any) -> Context:
            """The settings are read once in an instance."""
            if self._settings[0] != context.settings:
                self._settings = context.settings, json.loads(context.settings)
            return Context(self._settings[1], context.now_ms, context.may_amend)

    return Judging


def _description(policy: type[Policy]) -> wit.Description:
    texts = [_check.text(name, getattr(policy, name)) for name in ("name", "version", "summary")]
    return wit.Description(*texts, to_json("settings_schema", policy.settings_schema))


def _cannot_describe(error: BaseException) -> Any:
    """There is no answer for it: the traceback is logged, and the plugin is not loaded."""
    raise RuntimeError(report(error))


def _action(action: Any) -> Action:
    return Action(action.job, action.driver, action.kind, Target._of(action.target), json.loads(action.details))


def _judgement(judgement: Any) -> Any:
    match judgement:
        case Allow():
            return wit.Judgement_Allow()
        case Deny(code, reason):
            return wit.Judgement_Deny(wit.Denial(_check.text("code", code), _check.text("reason", reason)))
        case Amend(patch, reason):
            operations = _check.each(to_json, "patch", patch)
            return wit.Judgement_Amend(wit.Amendment(f"[{', '.join(operations)}]", _check.text("reason", reason)))
    raise TypeError(f"`review()` must answer an Allow, a Deny or an Amend, not {type(judgement).__name__}")


def _verdict(verdict: Any) -> Any:
    match verdict:
        case Allow():
            return wit.Verdict_Allow()
        case Deny(code, reason):
            return wit.Verdict_Deny(wit.Denial(_check.text("code", code), _check.text("reason", reason)))
    raise TypeError(f"`authorize()` must answer an Allow or a Deny, not {type(verdict).__name__}")


def _denial(error: BaseException) -> wit.Denial:
    return wit.Denial("exception", report(error))
