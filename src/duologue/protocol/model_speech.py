"""The model's speech in one session: which of it is to be played, in which encoding, and what of it was heard."""

from __future__ import annotations

from duologue.audio.formats import PCM, Encoding
from duologue.events import (
    ConversationItemDeletedEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    is_set,
)
from duologue.protocol.encodings import encoding_of_format, session_encodings
from duologue.protocol.notices import AudioDelta, AudioDone, Unreadable
from duologue.protocol.playback import Interruption, PlaybackLedger

__all__ = ["ModelSpeech"]


class ModelSpeech:
    """What comes of the model's speech. `playback` is told by the player what of it was heard."""

    def __init__(self) -> None:
        self.encoding: Encoding = PCM
        """Of the session's output; a response may have asked for another."""
        self.playback = PlaybackLedger()
        self._encodings: dict[str, Encoding] = {}
        self._silenced: set[str] = set()
        """Responses that were interrupted: what they still say, or have not begun to say, is not to be heard."""

    def receive(self, event: RealtimeEvent) -> list[AudioDelta | AudioDone | Unreadable]:
        """An event of the server; returns what the application is told of it."""
        match event:
            case SessionCreatedEvent(session=session) | SessionUpdatedEvent(session=session):
                _, output = session_encodings(session)
                self.encoding = output if output is not None else self.encoding
                self.playback.encoding = self.encoding
            case ResponseCreatedEvent(response=response):
                audio = response.audio.output if is_set(response.audio) else None
                if is_set(response.id) and is_set(audio) and is_set(audio.format):
                    self._encodings[response.id] = encoding_of_format(audio.format) or self.encoding
            case ResponseAudioDeltaEvent():
                return self._piece(event)
            case ResponseAudioDoneEvent():
                self.playback.all_received(event.item_id, event.content_index)
                return [AudioDone(item_id=event.item_id, content_index=event.content_index)]
            case ResponseDoneEvent(response=response):
                self._encodings.pop(str(response.id), None)
                self._silenced.discard(str(response.id))
            case ConversationItemDeletedEvent():
                self.playback.forget(event.item_id)
            case _:
                pass
        return []

    def interrupt(self, active_id: str | None) -> Interruption:
        """The user takes the floor, also from the response that runs, if one does."""
        if active_id is not None:
            self._silenced.add(active_id)
        return self.playback.interrupt()

    def clear(self) -> None:
        """Another session begins: its server has said nothing yet."""
        self.playback.clear()
        self._encodings.clear()
        self._silenced.clear()

    def _piece(self, event: ResponseAudioDeltaEvent) -> list[AudioDelta | AudioDone | Unreadable]:
        try:
            audio = event.decode_audio()
        except ValueError as fault:
            return [Unreadable(event=event, problem=str(fault))]
        if event.response_id in self._silenced:
            return []
        encoding = self.playback.encoding = self._encodings.get(event.response_id, self.encoding)
        if not self.playback.received(event.item_id, event.content_index, len(audio)):
            return []
        piece = AudioDelta(
            response_id=event.response_id,
            item_id=event.item_id,
            content_index=event.content_index,
            audio=audio,
            encoding=encoding,
        )
        return [piece]
