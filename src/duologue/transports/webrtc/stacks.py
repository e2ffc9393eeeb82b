"""The WebRTC implementations that calls can run on, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from duologue.errors import EngineError, LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from duologue.transports.webrtc.peer import Stack

__all__ = ["DEFAULT_STACK", "STACKS", "load_stack"]

DEFAULT_STACK: Final = "wrtc"


def _wrtc() -> Stack:
    from duologue.transports.webrtc.wrtc_peer import WrtcStack

    return WrtcStack()


def _aiortc() -> Stack:
    try:
        from duologue.transports.webrtc.aiortc_peer import AiortcStack
    except ModuleNotFoundError as fault:
        # It is in no extra: what it brings is five times as large, and partly under the GPL.
        raise EngineError("not installed; run: pip install aiortc 'duologue[audio]'", engine="aiortc") from fault
    return AiortcStack()


_LOADERS: Final[dict[str, Callable[[], Stack]]] = {"wrtc": _wrtc, "aiortc": _aiortc}

STACKS: Final = tuple(_LOADERS)
"""Their names; the first is the default."""


def load_stack(name: str | None = None) -> Stack:
    """The implementation of this name, by default `wrtc`. Imports it, which takes 0.15 s the first time.

    Raises:
        MissingExtra: `wrtc` is not installed.
        EngineError: `aiortc` is not installed.
        LocalProtocolError: there is none of this name.
    """
    loader = _LOADERS.get(name or DEFAULT_STACK)
    if loader is None:
        raise LocalProtocolError(f"no WebRTC stack is called {name!r}; there are: {', '.join(STACKS)}")
    return loader()
