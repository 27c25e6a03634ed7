"""Things that are open at the daemon."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from hostler_sdk import log
from hostler_sdk._guard import ask
from hostler_sdk.model import Error


class Handle:
    """Something that is open at the daemon until it is closed: by `with`, by `close`, or at the end of the job."""

    _name: str
    """What it is called in a sentence."""
    _closing_matters = False
    """Whether it is an error of the work done that the end did not go well."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def close(self) -> None:
        """Ends it. Closing twice is no error; whatever is asked afterwards is."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            if hasattr(handle, "close"):  # others are only given back
                ask(handle.close)
        finally:
            handle.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except Error as failure:
            if self._closing_matters and error is None:
                raise
            log.warn(failure.message)

    def _open(self) -> Any:
        """The handle, as long as there is one: to use it later ends the plugin."""
        if self._handle is None:
            message = f"The {self._name} was closed before: use it inside of its `with`."
            raise Error("closed", "plugin", message)
        return self._handle

    def _given_away(self) -> Any:
        """The handle, which somebody else closes from now on."""
        handle, self._handle = self._open(), None
        return handle
