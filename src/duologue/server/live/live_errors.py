"""Rejections as the `error` event of a Live connection."""

from __future__ import annotations

from duologue.events.base import UNSET, Id, Maybe
from duologue.events.live import LiveError, LiveErrorEvent
from duologue.server.rejections import Rejection

__all__ = ["live_error"]


def live_error(rejection: Rejection, event_id: str, *, answers: Maybe[Id] = UNSET) -> LiveErrorEvent:
    """The rejection as an event; `answers` is the id of the refused command, which Live names in two places.

    A code is required in Live: where there is none, it is the error's type.
    """
    error = rejection.error
    code = error.code if isinstance(error.code, str) else str(error.type)
    return LiveErrorEvent(
        event_id=event_id,
        client_event_id=answers,
        error=LiveError(type=str(error.type), code=code, message=str(error.message), client_event_id=answers),
    )
