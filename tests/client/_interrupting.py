"""Ctrl-C at a chosen moment: the interpreter may raise it at each of its checks for signals; a test tries each."""

from __future__ import annotations

import dis
import gc
import inspect
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import Any, Final

__all__ = ["interrupted_at"]

_OURS: Final = ("duologue/client/blocking/", "duologue/transports/blocking", "duologue/transports/memory")
_THEIRS: Final = (
    "/contextlib.py",
    "/threading.py",
    "/queue.py",
    "/concurrent/futures/_base.py",
    "/asyncio/base_events.py",
    "/asyncio/events.py",
    "/asyncio/selector_events.py",
    "/asyncio/proactor_events.py",
)
"""Code on the way of a call in which an interrupt may come while something is locked."""


def interrupted_at(moment: int, act: Callable[[], object]) -> bool:
    """Do something, with a KeyboardInterrupt at the `moment`-th check for signals on its way, counted from 1.

    The interpreter makes these checks at the beginning of a function, after a call and at a jump backwards. Returns
    whether the moment came: if not, there are fewer, or `act` waited and gave up.
    """
    interrupter = _Interrupter(moment)
    before = sys.gettrace()
    gc.disable()  # what it would collect here, the end of an older event loop say, is not on the way of this call
    sys.settrace(interrupter.trace)
    try:
        act()
    except (KeyboardInterrupt, TimeoutError):
        pass
    finally:
        sys.settrace(before)
        gc.enable()
    return interrupter.left == 0


class _Interrupter:
    def __init__(self, moment: int) -> None:
        self.left = moment
        self._last: dict[FrameType, int] = {}
        self._resumed: FrameType | None = None

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        path = frame.f_code.co_filename.replace("\\", "/")
        if not any(part in path for part in _OURS) and not path.endswith(_THEIRS):
            return None
        if "__del__" in (frame.f_code.co_name, frame.f_back.f_code.co_name if frame.f_back is not None else ""):
            return None  # of an event loop that is freed here: the interpreter drops what a finalizer raises
        frame.f_trace_opcodes = True
        if event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR:
            # An exception here would pass by the handlers around its `yield`; the interpreter's own would not.
            self._resumed = frame
        elif event == "call":
            self._check()
        elif event == "opcode":
            if self._resumed is frame:
                self._resumed = None
                if dis.opname[frame.f_code.co_code[frame.f_lasti]] != "PUSH_EXC_INFO":  # it is not thrown into
                    self._check()
            # An instruction is reported before it runs: the check behind the last one is made now.
            last, self._last[frame] = self._last.get(frame), frame.f_lasti
            if last is not None and _is_checked(frame.f_code, last, frame.f_lasti):
                self._check()
        elif event == "return":
            self._last.pop(frame, None)
        return self.trace

    def _check(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@cache
def _is_checked(code: CodeType, last: int, now: int) -> bool:
    """Whether signals are looked for between two instructions, and handled where an exception now would be."""
    name = dis.opname[code.co_code[last]]
    checked = name.startswith(("CALL", "JUMP_BACKWARD")) and not name.startswith("CALL_INTRINSIC")
    return checked and _handler(code, last) == _handler(code, now)


def _handler(code: CodeType, offset: int) -> int | None:
    entries: Any = dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
    return next((int(entry.target) for entry in entries if entry.start <= offset < entry.end), None)
