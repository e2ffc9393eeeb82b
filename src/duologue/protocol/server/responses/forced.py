"""Messages that the client has the server speak word for word, without asking a model: xAI's `force_message`."""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from duologue.events import ResponseCreateParams
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["ForcedMessage", "Queued", "WaitingResponses"]

_MAX_WAITING: Final = 16
"""As many as there may be responses at once; a client has a greeting and a notice or two."""


class ForcedMessage(Struct, frozen=True, kw_only=True):
    """What is spoken, and how."""

    text: str
    voice: str | None = None
    """None: the session's."""
    interruptible: bool = True
    """False: the user's speech does not stop it."""


class Queued(Struct, frozen=True):
    """A response to come: of a forced message, or, with None, of the model."""

    params: ResponseCreateParams | None
    message: ForcedMessage | None


class WaitingResponses:
    """Responses that wait until those before them have ended. Only forced messages make others wait."""

    def __init__(self, account: MemoryAccount) -> None:
        self._account = account
        self._waiting: deque[tuple[Queued, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, queued: Queued) -> None:
        """Let it wait. Raises InvalidRequest if too many do, or their memory does not fit."""
        if len(self._waiting) >= _MAX_WAITING:
            raise InvalidRequest("too_many_responses", max=_MAX_WAITING)
        cost = held_bytes((queued.params, queued.message))
        self._account.take("responses", cost, param="response")
        self._waiting.append((queued, cost))

    def take(self) -> Queued | None:
        """The next one; None if none waits."""
        if not self._waiting:
            return None
        queued, cost = self._waiting.popleft()
        self._account.change("responses", -cost)
        return queued

    def clear(self) -> None:
        """The user speaks, or the client has cancelled: what waited is not said any more."""
        while self.take() is not None:
            pass  # each gives its memory back
