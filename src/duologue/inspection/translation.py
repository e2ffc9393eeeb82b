"""Folds the messages of a translation session: no turns there, so a turn is what the speaker says up to a pause.

Its delays count from the last word before the pause, and are negative where the translation began while the speaker
went on. Without a transcript of the source there are no turns.
"""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.codec import decode_translation
from duologue.events import (
    UNSET,
    TranslationErrorEvent,
    TranslationEvent,
    TranslationInputAudioBufferAppendEvent,
    TranslationInputTranscriptDeltaEvent,
    TranslationOutputAudioDeltaEvent,
    TranslationOutputTranscriptDeltaEvent,
    TranslationSession,
    TranslationSessionClosedEvent,
    TranslationSessionCreatedEvent,
    TranslationSessionUpdatedEvent,
    is_set,
)
from duologue.inspection.input_clock import InputClock
from duologue.inspection.live.sound import SoundLane
from duologue.inspection.reading import FrameSound
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.sequence import AnyFamilyEvent
from duologue.inspection.server_events import audio_ms
from duologue.inspection.view import CallError, CallMark, CallTurn, CallView
from duologue.protocol.translation.client.lines import PAUSE_MS
from duologue.recording import Frame, PlaybackNote, Side

__all__ = ["TranslationMessages"]

_COMMANDS: Final = 256
"""Of the client, by id: an error names one that it answers within a moment."""

_MAX_RATE_HZ: Final = 192_000
"""No speech has a higher sample rate; a server that names one is not believed."""

_FASTER: Final = "its audio was sent faster than it was spoken"


class TranslationMessages:
    """The messages of both sides."""

    def __init__(self, view: CallView, rows: Rows) -> None:
        self._view = view
        self._rows = rows
        self._clock = InputClock()
        self._sound = SoundLane(rows)
        self._commands: dict[str, str] = {}
        self._turn: CallTurn | None = None
        self._begin_ms = self._end_ms = 0
        self._user_ms = self._model_ms = 0.0

    def read(self, message: str | bytes) -> TranslationEvent:
        """The event that a message is. Raises DecodeError if it is no JSON object."""
        return decode_translation(message)

    def take(self, event: AnyFamilyEvent, frame: Frame, *, from_server: bool) -> None:
        """Take a known event that `read` returned."""
        assert isinstance(event, TranslationEvent)
        at_s = frame.at_s
        if not from_server:
            self._from_client(event, at_s)
            return
        match event:
            case TranslationInputTranscriptDeltaEvent(delta=delta, elapsed_ms=elapsed_ms):
                self._source(delta, elapsed_ms if isinstance(elapsed_ms, int) else None, at_s)
            case TranslationOutputTranscriptDeltaEvent(delta=delta):
                self._translated(delta, at_s)
            case TranslationOutputAudioDeltaEvent():
                self._sounds(event, at_s)
            case TranslationSessionCreatedEvent(session=session) | TranslationSessionUpdatedEvent(session=session):
                if isinstance(session, TranslationSession):
                    self._view.session_id, self._view.model = session.id, session.model
                if isinstance(event, TranslationSessionCreatedEvent):
                    self._clock.restart()
            case TranslationErrorEvent():
                self._error(event, at_s)
            case TranslationSessionClosedEvent():
                self._rows.add("marks", CallMark(at_s=at_s, kind="closed", text="everything is translated"))
            case _:
                pass  # a command, which a server does not send

    def sound(self, event: AnyFamilyEvent, connection: int, *, by: Side) -> FrameSound | None:
        """The sound of an event that was taken."""
        match event:
            case TranslationInputAudioBufferAppendEvent(audio=audio) if by == "client":
                return FrameSound(base64=audio, encoding=PCM)
            case TranslationOutputAudioDeltaEvent(delta=audio) if by == "server":
                encoding = _encoding_of(event)
                found = FrameSound(base64=audio, encoding=encoding or PCM, begin_s=self._sound.piece_s)
                return found if encoding is not None else None
            case _:
                return None

    def heard(self, note: PlaybackNote, at_s: float) -> None:
        """The player says what was heard: it plays one track, whose parts have no ids."""

    def restoring(self) -> None:
        """Another connection is open: the time of its session begins anew with its first event."""

    def settle(self) -> None:
        """A line is taken."""

    def _from_client(self, event: TranslationEvent, at_s: float) -> None:
        if is_set(event.event_id):
            self._commands[event.event_id] = str(event.type)
            if len(self._commands) > _COMMANDS:
                del self._commands[next(iter(self._commands))]
        if isinstance(event, TranslationInputAudioBufferAppendEvent):
            duration_ms = audio_ms(event.audio, PCM)
            self._clock.append(duration_ms, at_s)
            self._user_ms += duration_ms
            self._view.user_audio_ms = round(self._user_ms)

    def _source(self, text: str, elapsed_ms: int | None, at_s: float) -> None:
        turn, position_ms = self._turn, self._end_ms if elapsed_ms is None else elapsed_ms
        if turn is None or position_ms - self._end_ms >= PAUSE_MS:
            self._begin_ms = position_ms
            turn = CallTurn(number=len(self._view.turns) + 1, kind="speech", end_from="transcript")
            turn.speech_started_s = self._clock.spoken_at_s(position_ms)
            self._turn = self._rows.add("turns", turn)
        self._end_ms = max(self._end_ms, position_ms) if turn.user_text else position_ms
        turn.user_text, turn.user_text_s = shortened(f"{turn.user_text or ''}{text}".lstrip()), at_s
        is_paced = self._clock.is_paced(self._begin_ms, self._end_ms)
        turn.end_of_speech_s = self._clock.spoken_at_s(self._end_ms) if is_paced else None
        turn.withheld = None if is_paced else _FASTER
        self._rows.touch(turn)

    def _translated(self, text: str, at_s: float) -> None:
        if (turn := self._turn) is not None:
            turn.first_text_s = at_s if turn.first_text_s is None else turn.first_text_s
            turn.answer_text = shortened(f"{turn.answer_text or ''}{text}".lstrip())
            self._rows.touch(turn)

    def _sounds(self, event: TranslationOutputAudioDeltaEvent, at_s: float) -> None:
        encoding = _encoding_of(event)
        if encoding is None:
            return  # no client plays it
        duration_ms = audio_ms(event.delta, encoding)
        self._model_ms += duration_ms
        self._view.model_audio_ms = round(self._model_ms)
        turn = self._turn
        for stretch in self._sound.push(event.delta, encoding, at_s):
            if turn is not None and not stretch.is_over:
                stretch.turn = turn.number
        sounding = self._sound.recent[-1] if self._sound.recent else None
        if turn is None or sounding is None or sounding.is_over:
            return
        if turn.first_audio_s is None:
            turn.first_audio_s = at_s
            turn.first_heard_s = max(at_s, sounding.begin_s) if sounding.turn == turn.number else sounding.end_s
        turn.done_s = sounding.end_s
        self._rows.touch(turn)

    def _error(self, event: TranslationErrorEvent, at_s: float) -> None:
        error = event.error
        answered = error.event_id if is_set(error.event_id) else None
        code = error.code if is_set(error.code) else None
        self._rows.add(
            "errors",
            CallError(
                at_s=at_s,
                code=code if isinstance(code, str) else None,
                message=shortened(error.message),
                answers=self._commands.get(answered) if answered is not None else None,
            ),
        )


def _encoding_of(event: TranslationOutputAudioDeltaEvent) -> Encoding | None:
    """How the sound is encoded; None for what nothing is published about."""
    rate_hz = event.sample_rate if is_set(event.sample_rate) else PCM.rate_hz
    if event.format not in (UNSET, None, "pcm16") or event.channels not in (UNSET, None, 1):
        return None
    return Encoding.of(PCM.type, rate_hz) if 0 < rate_hz <= _MAX_RATE_HZ else None
