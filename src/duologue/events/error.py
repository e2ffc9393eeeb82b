"""The wire's `error` event. It ends nothing by itself: most errors leave the session as it was."""

from __future__ import annotations

from typing import ClassVar, Literal

from duologue.events.base import UNSET, Id, Maybe, ServerEvent, WireObject

__all__ = ["ErrorEvent", "RealtimeError"]


class RealtimeError(WireObject, frozen=True, kw_only=True):
    """What was refused or went wrong. `param` is a dotted path into the client's event."""

    type: str
    """Empty where the server did not say it."""
    message: str
    """Empty where the server did not say it."""
    code: Maybe[str] = UNSET
    param: Maybe[str] = UNSET
    event_id: Maybe[Id] = UNSET
    """The `event_id` of the client event that is answered; null when it had none."""


class ErrorEvent(ServerEvent, frozen=True, kw_only=True, tag="error"):
    """The server refused a client event, or failed at something of its own.

    It is read whatever it lacks: proxies leave out most of it.
    """

    type: ClassVar[Literal["error"]] = "error"
    event_id: Maybe[Id] = UNSET  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # wider than the base's: LiteLLM's proxy sends none
    error: RealtimeError
