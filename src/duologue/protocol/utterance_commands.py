"""The commands of a client in the order that a server's dialect wants: around each utterance, and before the first.

Applications send audio, and commit it where they decide on turns. A server may want a command before the audio, and end
an utterance by another one; while it is busy with the last utterance, it may take no new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from duologue.dialects.utterance import PUBLISHED, UtteranceProfile
from duologue.errors import LocalProtocolError
from duologue.events import (
    ErrorEvent,
    Extra,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionFailedEvent,
    RealtimeEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
)

__all__ = ["UtteranceCommands"]

_MAX_HELD_CHARS: Final = 8 * 1024 * 1024
"""Base64 audio that waits for the end of the last utterance: three minutes at 16 kHz. A server that takes longer is
stuck."""


class UtteranceCommands:
    """The commands of one connection, in their order."""

    def __init__(self, utterance: UtteranceProfile = PUBLISHED, *, model: str | None = None) -> None:
        self._utterance = utterance
        self._model = model
        self._named = not utterance.names_model_first
        self._begun = False
        self._has_audio = False
        self._ending = False
        self._held: deque[RealtimeEvent] = deque()
        self._held_chars = 0

    @property
    def passes(self) -> bool:
        """Whether every command goes out as it is: nothing has to come before, and nothing waits."""
        return self._utterance.begin is None and not self._utterance.names_model_first

    @property
    def passes_audio(self) -> bool:
        """Whether audio can be appended now as it is."""
        return self._utterance.begin is None or (self._begun and self._has_audio and not self._ending)

    @property
    def lacks_model(self) -> bool:
        """Whether the server wants to know the model before any speech, and it is not known here."""
        return not self._named

    @property
    def is_open(self) -> bool:
        """Whether an utterance has begun and not ended."""
        return self._begun

    @property
    def is_told(self) -> bool:
        """Whether no utterance is open, is being transcribed, or waits."""
        return not (self._begun or self._ending or self._held)

    def first(self) -> list[RealtimeEvent]:
        """What the server wants before anything else. Nothing, where it must name the model and there is no name."""
        if not self._utterance.names_model_first or self._model is None:
            return []
        self._named = True
        return [UnknownRealtimeEvent(json={"type": "session.update", "model": self._model}, problem="")]

    def outgoing(self, event: RealtimeEvent) -> Sequence[RealtimeEvent]:
        """What is sent for an event of the application: the event, with what must come before it, or nothing yet.

        Raises:
            LocalProtocolError: the model must be named first; or the last utterance has not ended, and too much audio
                waits for that.
        """
        if self.passes:
            return (event,)
        match event:
            case InputAudioBufferAppendEvent() | InputAudioBufferCommitEvent() if self.lacks_model:
                raise LocalProtocolError(
                    f"cannot send {event.type}: this server wants to know the model first; open the connection with "
                    "model=…, or send a session.update that names it"
                )
            case InputAudioBufferAppendEvent() | InputAudioBufferCommitEvent() | InputAudioBufferClearEvent() if (
                self._ending
            ):
                self._hold(event)
                return ()
            case InputAudioBufferAppendEvent():
                before = () if self._begun else (self._begin(),)
                self._has_audio = True
                return (*before, event)
            case InputAudioBufferCommitEvent():
                return (self._commit(event),)
            case SessionUpdateEvent():
                self._named = True
                if self._model is None:
                    return (event,)
                named = Extra({"model": self._model, **event.extra}, dialect=event.extra.dialect)
                return (msgspec.structs.replace(event, extra=named),)
            case _:
                return (event,)

    def received(self, event: RealtimeEvent) -> list[RealtimeEvent]:
        """An event of the server's: returns what has waited for it and is sent now."""
        if not self._ending or not isinstance(
            event, InputAudioTranscriptionCompletedEvent | InputAudioTranscriptionFailedEvent | ErrorEvent
        ):
            return []
        self._ending = False
        held, self._held, self._held_chars = self._held, deque(), 0
        # Another end among them holds the rest again.
        return [sent for event in held for sent in self.outgoing(event)]

    def end(self) -> list[RealtimeEvent]:
        """The command that ends an utterance that is open; nothing where none is."""
        return [*self.outgoing(InputAudioBufferCommitEvent())] if self._begun and self._has_audio else []

    def _begin(self) -> InputAudioBufferCommitEvent:
        self._begun, self._has_audio = True, False
        return InputAudioBufferCommitEvent()

    def _commit(self, event: InputAudioBufferCommitEvent) -> InputAudioBufferCommitEvent:
        """The commit that begins an utterance before its audio, or ends it behind that."""
        is_end = self._utterance.is_end({"type": event.type, **event.extra})
        if not is_end and not self._has_audio:
            self._begun = True  # by the application itself, which knows the dialect
            return event
        self._begun = self._has_audio = False
        self._ending = self._utterance.is_transcribed_once
        rest = {name: value for name, value in self._utterance.end.items() if name != "type"}
        # A field that the program sets itself: it is written in whichever dialect the event was made.
        return msgspec.structs.replace(event, extra=Extra({**event.extra, **rest}))

    def _hold(self, event: RealtimeEvent) -> None:
        self._held_chars += len(event.audio) if isinstance(event, InputAudioBufferAppendEvent) else 1
        if self._held_chars > _MAX_HELD_CHARS:
            raise LocalProtocolError(
                f"cannot send {event.type}: the server has not ended the last utterance, and"
                f" {_MAX_HELD_CHARS // 1024 // 1024} MiB of audio wait for that"
            )
        self._held.append(event)
