"""Serves a dialect in which an utterance begins and ends otherwise, or that has a command for the end of all audio."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from duologue.codec.jsontext import write_text
from duologue.dialects import Profile
from duologue.events import (
    ErrorEvent,
    InputAudioBufferCommitEvent,
    RealtimeError,
    RealtimeEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
)
from duologue.protocol import ServerProtocol
from duologue.server.dialect.adapter import DialectAdapter

__all__ = ["ServedUtterances"]

_CLOSED: Final = "session.closed"
"""The event after which a server closes the connection; after other answers the client does it."""

_NO_MODEL: Final = "The model is not known: name it with session.update before the first utterance."


class ServedUtterances:
    """The commands of one client, in their order."""

    def __init__(
        self, profile: Profile, protocol: ServerProtocol, adapter: DialectAdapter, *, new_id: Callable[[str], str]
    ) -> None:
        self._utterance = profile.utterance
        self._protocol = protocol
        self._adapter = adapter
        self._new_id = new_id
        if profile.utterance.begin is not None:
            protocol.leave_turns_to_client()
        self._model_named = not profile.utterance.names_model_first
        self._finishing = False
        self.has_commands: bool = profile.utterance.begin is not None or profile.utterance.finish is not None
        """Whether the dialect has any; without, `take` takes nothing, and `take_frames` has none."""
        self._frames: list[str] = []
        self.closes: bool = False
        """Whether the session is over once the frames are sent."""

    def take(self, event: RealtimeEvent, *, model: str, now: float) -> bool:
        """Take a client's event, if it is a command of these. False: it is one for the protocol."""
        match event:
            case SessionUpdateEvent():
                self._model_named = True
                return False
            case InputAudioBufferCommitEvent() if self._utterance.begin is not None:
                self._commit(event, now)
                return True
            case UnknownRealtimeEvent() if self._utterance.finish is not None:
                if event.type != self._utterance.finish["type"] or not self._utterance.takes_finish(model):
                    return False
                self._protocol.end_input(now=now)
                self._finishing = True
                return True
            case _:
                return False

    def _commit(self, event: InputAudioBufferCommitEvent, now: float) -> None:
        if not self._model_named:
            self._frames += self._rejection(event)
        elif self._adapter.ends_utterance:
            self._protocol.end_utterance(now=now)
        else:
            self._protocol.begin_utterance(now=now)

    def _rejection(self, event: InputAudioBufferCommitEvent) -> Iterable[str]:
        error = RealtimeError(
            type="invalid_request_error",
            code="model_not_validated",
            message=_NO_MODEL,
            event_id=event.event_id if isinstance(event.event_id, str) else None,
        )
        return self._adapter.write(ErrorEvent(event_id=self._new_id("event"), error=error))

    def take_frames(self) -> list[str]:
        """The messages that are due now, behind the protocol's events: the end of the input, once all is told."""
        if self._finishing and self._protocol.input_told:
            self._finishing = False
            self.closes = self._utterance.finished == _CLOSED
            answer = {"event_id": self._new_id("event"), "type": self._utterance.finished}
            self._frames.append(write_text(answer).decode("utf-8"))
        frames, self._frames = self._frames, []
        return frames
