"""Between the daemon and an author's code: what the daemon answers becomes exceptions, and exceptions become answers."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from componentize_py_types import Err
from wit_world.imports import types as wit

from hostler_sdk import _sandbox, log
from hostler_sdk.model import Error, Invalid, Problem

_KIND = "exception"
_LONGEST = 1000
"""Letters of an exception's message that the client gets."""


def ask[T](function: Callable[..., T], *arguments: Any) -> T:
    """Asks the daemon. Errors: `Error`."""
    try:
        return function(*arguments)
    except Err as error:
        raise Error(error.value.kind, error.value.phase, error.value.message) from None


def answer[T](work: Callable[[], T], failed: Callable[[Exception], Any]) -> T:
    """Has the author's code answer the daemon. What it raises is what `failed` makes of it."""
    _sandbox.begin()
    try:
        return work()
    except BaseException as error:
        return failed(error)


def as_error(error: BaseException) -> NoReturn:
    """Raises what `execute` and `connect` answer."""
    if isinstance(error, MemoryError):
        error = Error("limit", "plugin", "The plugin needs more memory than it may have.")
    if not isinstance(error, Error):
        error = Error(_KIND, "plugin", report(error))
    raise Err(wit.Error(error.kind, error.phase, error.message)) from None


def as_problems(error: BaseException) -> NoReturn:
    """Raises what `validate` and `check_settings` answer."""
    raise Err(_problems(error)) from None


def _problems(error: BaseException) -> list[wit.Problem]:
    if isinstance(error, Invalid):
        try:
            return [problem._to_wit() for problem in error.problems]
        except Exception as wrong:  # one of them is none that the daemon takes
            error = wrong
    return [Problem([], _KIND, report(error))._to_wit()]


def report(error: BaseException) -> str:
    """Logs an exception with its traceback, and gives one sentence for the client."""
    try:
        log.error("\n".join(_lines(error)))
        what = _shown(error)
    except BaseException:  # an exception that cannot even be shown
        what = type(error).__name__
    if len(what) > _LONGEST:
        what = what[:_LONGEST] + "…"
    return f"The plugin failed, tell its author: {what}"


def _lines(error: BaseException) -> list[str]:
    """As Python shows it, but for the text of the lines: sources are not there. (`traceback` would look for them.)"""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*_lines(before), "Then:"] if before is not None else []
    lines.append("Traceback (most recent call last):")
    step: TracebackType | None = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {step.tb_lineno}, in {code.co_qualname}')
        step = step.tb_next
    lines.append(_shown(error))
    return lines


def _shown(error: BaseException) -> str:
    """Its name and what it says, in letters that have a form in UTF-8."""
    return f"{type(error).__name__}: {error}".removesuffix(": ").encode(errors="replace").decode()
