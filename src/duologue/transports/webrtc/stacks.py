"""The WebRTC implementations that calls can run on, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from duologue.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from duologue.transports.webrtc.peer import Stack

__all__ = ["DEFAULT_STACK", "STACKS", "load_stack"]

DEFAULT_STACK: Final = "wrtc"


def _wrtc() -> Stack:
    from duologue.transports.webrtc.wrtc_peer import WrtcStack

    return WrtcStack()


_LOADERS: Final[dict[str, Callable[[], Stack]]] = {"wrtc": _wrtc}

STACKS: Final = tuple(_LOADERS)
"""Their names; the first is the default."""


def load_stack(name: str | None = None) -> Stack:
    """The implementation of this name, by default `wrtc`. Imports it, which takes 0.15 s the first time.

    Raises:
        MissingExtra: it is not installed.
        LocalProtocolError: there is none of this name.
    """
    loader = _LOADERS.get(name or DEFAULT_STACK)
    if loader is None:
        raise LocalProtocolError(f"no WebRTC stack is called {name!r}; there are: {', '.join(STACKS)}")
    return loader()
