"""The model's speech in one session: what is to be played, in which encoding, and how much of it was played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from duologue.audio.formats import PCM, Encoding
from duologue.events import (
    ConversationItemDeletedEvent,
    ConversationItemTruncatedEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    is_set,
)
from duologue.protocol.client.audio_formats import encoding_of_format, session_encodings
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.notices import AudioDelta, AudioDone, Unreadable
from duologue.protocol.client.playback import Interruption, PlaybackLedger
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.states import ReportIllegal, raise_illegal

__all__ = ["AttachedPlayer", "OutputAudio"]

_REMEMBERED: Final = 64
"""Responses that are known; speech behind the end of one follows in the same turn or never."""


class AttachedPlayer(Protocol):
    """What plays the speech."""

    def report_now(self) -> bool:
        """Report what has been played by now; returns whether there is more to be played."""
        ...


class OutputAudio(Part):
    """Calls `notify` with the audio to play. The player reports to `playback` what it has played."""

    def __init__(
        self,
        *,
        notify: Callable[[AudioDelta | AudioDone | Unreadable], None],
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.encoding: Encoding = PCM
        """Of the session's output; a request for a response may name another."""
        self.playback: PlaybackLedger = PlaybackLedger(report_illegal=report_illegal)
        self._notify = notify
        self._encodings: dict[str, Encoding] = {}
        self._interrupted: dict[str, None] = {}
        """Interrupted responses: the rest of their audio is not played, also what comes behind their end."""
        self._open: dict[str, dict[tuple[str, int], None]] = {}
        """By response: the parts whose speech has begun, and whose end was not told."""

    @on(SessionCreatedEvent, SessionUpdatedEvent)
    def _session(self, event: SessionCreatedEvent | SessionUpdatedEvent, context: EventContext) -> None:
        _, output = session_encodings(event.session)
        self.encoding = output if output is not None else self.encoding

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        response = event.response
        audio = response.audio.output if is_set(response.audio) else None
        if is_set(response.id) and is_set(audio) and is_set(audio.format):
            self._encodings[response.id] = encoding_of_format(audio.format) or self.encoding
            _forget_oldest(self._encodings)

    @on(ResponseAudioDeltaEvent)
    def _audio_delta(self, event: ResponseAudioDeltaEvent, context: EventContext) -> None:
        try:
            audio = event.decode_audio()
        except ValueError as fault:
            self._notify(Unreadable(event=event, problem=str(fault)))
            return
        if event.response_id in self._interrupted:
            return
        encoding = self.playback.encoding = self._encodings.get(event.response_id, self.encoding)
        if not self.playback.received(event.item_id, event.content_index, len(audio)):
            return
        part = (event.item_id, event.content_index)
        self._open.setdefault(event.response_id, {})[part] = None
        _forget_oldest(self._open)
        context.audio, context.encoding = audio, encoding
        self._notify(
            AudioDelta(
                response_id=event.response_id,
                item_id=event.item_id,
                content_index=event.content_index,
                audio=audio,
                encoding=encoding,
            )
        )

    @on(ResponseAudioDoneEvent)
    def _all_received(self, event: ResponseAudioDoneEvent, context: EventContext) -> None:
        self._open.get(event.response_id, {}).pop((event.item_id, event.content_index), None)
        self._ended(event.item_id, event.content_index)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        response_id = response_id_of(event.response)
        for item_id, content_index in self._open.pop(response_id, {}):
            self._ended(item_id, content_index)  # its own end is lost
        if not response_id:  # the next response has no id either
            self._encodings.pop(response_id, None)
            self._interrupted.pop(response_id, None)

    def _ended(self, item_id: str, content_index: int) -> None:
        self.playback.all_received(item_id, content_index)
        self._notify(AudioDone(item_id=item_id, content_index=content_index))

    @on(ConversationItemTruncatedEvent)
    def _truncated(self, event: ConversationItemTruncatedEvent, context: EventContext) -> None:
        context.encoding = self.encoding

    @on(ConversationItemDeletedEvent)
    def _deleted(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        self.playback.forget(event.item_id)

    def interrupt(self, active_id: str | None) -> Interruption:
        """The user interrupts the speech, and the active response if there is one."""
        if active_id is not None:
            self._interrupted[active_id] = None
            _forget_oldest(self._interrupted)
        return self.playback.interrupt()

    def clear(self) -> None:
        """Another session begins: it has no audio yet."""
        self.playback.clear()
        self._encodings.clear()
        self._interrupted.clear()
        self._open.clear()


def _forget_oldest(by_response: dict[str, Any]) -> None:
    if len(by_response) > _REMEMBERED:
        del by_response[next(iter(by_response))]
