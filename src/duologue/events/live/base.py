"""The roots of the Live family: what all events of a Live connection have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from duologue.events.base import (
    UNKNOWN_TAG,
    UNSET,
    Id,
    Maybe,
    UnknownFrame,
    Variant,
    abstract_event,
    load_codec,
    refuse_base,
)

if TYPE_CHECKING:
    from duologue.events.live.unions import AnyLiveEvent

__all__ = ["LiveClientEvent", "LiveEvent", "LiveServerEvent", "UnknownLiveEvent"]


@abstract_event
class LiveEvent(Variant, frozen=True, kw_only=True):
    """Base of every event that is sent or received over the WebSocket of a Live session.

    Live is no newer Realtime: some of its wire names are those of Realtime and of translation, with other fields. So
    the connection determines the family of a frame, and `duologue.codec.decode_live` reads it.
    """

    type: ClassVar[Any]

    def __post_init__(self) -> None:
        refuse_base(self)

    if TYPE_CHECKING:
        # Each event class says for itself whether its id may be absent.
        @property
        def event_id(self) -> Maybe[Id]: ...

    # The floor above puts its own in place of these two.
    @staticmethod
    def _read_json(data: Mapping[str, Any] | str | bytes) -> Any:
        load_codec("live")
        return LiveEvent._read_json(data)

    @staticmethod
    def _write_json(event: LiveEvent) -> dict[str, Any]:
        load_codec("live")
        return LiveEvent._write_json(event)

    @staticmethod
    def from_json(data: Mapping[str, Any] | str | bytes) -> AnyLiveEvent:
        """The event that this JSON object is, dispatched on its `type`.

        An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownLiveEvent`.

        Raises:
            DecodeError: the text is not a JSON object.
        """
        event: AnyLiveEvent = LiveEvent._read_json(data)
        return event

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON-ready dict, with every extra field it came with."""
        return LiveEvent._write_json(self)


@abstract_event
class LiveServerEvent(LiveEvent, frozen=True, kw_only=True):
    """An event that Live servers send."""

    event_id: Maybe[Id] = UNSET  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, so as read-only as the property
    """Published as always there, but for speech; some relays leave it out."""
    client_event_id: Maybe[Id] = UNSET
    """The command that led to this event, if that had an id. Not every server repeats it."""

    def __post_init__(self) -> None:
        refuse_base(self)


@abstract_event
class LiveClientEvent(LiveEvent, frozen=True, kw_only=True):
    """A command that clients send."""

    event_id: Maybe[Id] = UNSET  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, likewise

    def __post_init__(self) -> None:
        refuse_base(self)


class UnknownLiveEvent(UnknownFrame, LiveEvent, frozen=True, kw_only=True, tag=UNKNOWN_TAG):
    """An event that cannot be typed truthfully; nothing of it is lost."""
