"""What Python has and a plugin has not. Left alone, each of these would end the plugin with a trap that says nothing, or, for
`random`, give the same numbers every time."""

import builtins
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from hostler_sdk import log

_TIME = "a driver asks `hostler_sdk.clock`, a policy reads `context.now_ms`"
_RANDOM = "a driver asks `hostler_sdk.random`"
_FILES = "a driver moves files by `hostler_sdk.transfer` and looks at them by `hostler_sdk.sftp`"

_running = False


def prepare() -> None:
    """Stands in for what cannot work. While the plugin is built, everything still does."""
    for name in ["time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "sleep"]:
        _refuse(time, name, _TIME)
    for name in ["localtime", "gmtime", "ctime", "strftime"]:
        _refuse(time, name, "it needs a clock, or the time zones of a machine; compute with milliseconds since 1970")
    for name in [name for name, value in vars(random).items() if getattr(value, "__self__", None) is random._inst]:
        _refuse(random, name, _RANDOM)
    _refuse(os, "urandom", _RANDOM)
    _refuse(builtins, "open", _FILES)
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _LateImports())


def begin() -> None:
    """From now on a job, or a question, is being answered."""
    global _running
    if not _running:
        _running = True
        sys.stdout, sys.stderr = _Printed(log.info), _Printed(log.warn)


def _refuse(module: ModuleType, name: str, instead: str) -> None:
    original = getattr(module, name)

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        if _running:
            raise RuntimeError(f"`{module.__name__}.{name}` does not work in a plugin: {instead}")
        return original(*args, **kwargs)

    # Also where it was imported by its name before.
    for other in list(sys.modules.values()):
        for alias in [alias for alias, value in getattr(other, "__dict__", {}).items() if value is original]:
            setattr(other, alias, stand_in)


class _LateImports(MetaPathFinder):
    """Is asked for modules that would be read from a file now."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if _running:
            raise ImportError(f"`{fullname}` is imported too late: import it at the top of plugin.py", name=fullname)


class _Printed:
    """Takes what is printed, and logs it line by line."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write_line = write_line
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._write_line(line)
        return len(text)

    def flush(self) -> None:
        """A line that has not ended stays until it does."""
