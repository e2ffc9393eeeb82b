"""The server's ear: input audio, the user's turns in it, and the items that they become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from duologue.audio.formats import Encoding
from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemDoneEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioBufferTimeoutTriggeredEvent,
    InputAudioPart,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    MessageItem,
    NoiseReduction,
    TranscriptionError,
    is_set,
)
from duologue.protocol.server.account import Account
from duologue.protocol.server.commands import Detect, DiscardAhead, Transcribe, TranscribeAhead, TranscribePartial
from duologue.protocol.server.conversation.items import Conversation, Entry, with_transcript
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.input.buffer import InputAudio
from duologue.protocol.server.input.transcript import Transcript
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.session import Session, encoding_of
from duologue.protocol.server.token_usage import transcription_usage
from duologue.protocol.server.turn_detection import (
    MIN_SPEECH_MS,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    TurnSettings,
    VadTurns,
)
from duologue.protocol.wire_limits import MIN_COMMIT_MS

__all__ = ["InputPipeline"]


class InputPipeline:
    """Buffers input audio, finds turns, makes items of them and has them transcribed."""

    def __init__(self, session: Session, conversation: Conversation, outgoing: Outgoing, *, account: Account) -> None:
        self._session = session
        self._conversation = conversation
        self._out = outgoing
        self._account = account
        self._audio = InputAudio(encoding_of(session.input), account)
        self._turns = VadTurns(report_illegal=outgoing.command)
        self._settings = session.turn_settings
        self._detecting = self._settings is not None
        self._turn_item_id: str | None = None
        self._turn_start_ms = 0
        self._transcribing: dict[str, Entry] = {}
        self._told: dict[str, Transcript] = {}

    @property
    def in_turn(self) -> bool:
        """Whether the user is speaking."""
        return self._turn_item_id is not None

    @property
    def input_ms(self) -> int:
        """Length of all audio that came."""
        return self._audio.end_ms

    def session_updated(self) -> None:
        """Take over a change of the input format or of the way to detect turns."""
        encoding = encoding_of(self._session.input)
        settings = self._session.turn_settings
        detecting = settings is not None
        if settings != self._settings and self._turns.settings_changed() is not None:
            self._out.command(DiscardAhead(self._turn_id))
        self._settings = settings
        if encoding != self._audio.encoding:
            self._audio.change_encoding(encoding)
            if self._turn_item_id is not None:
                # What was said in the old format is no part of the item any more.
                self._out.command(DiscardAhead(self._turn_item_id, gone=True))
            # A converter in front of the detector keeps a few milliseconds of the old format for itself.
            self._turns.audio_ms = self._audio.end_ms
        elif detecting and not self._detecting:
            self._turns.audio_ms = self._audio.end_ms
        if not detecting:
            self._forget_turn()
        self._detecting = detecting

    # --- the buffer

    def append(self, audio: bytes) -> None:
        """More audio from the client. Raises InvalidRequest if the buffer is full."""
        self._audio.append(audio)
        if self._detecting:
            self._out.command(Detect(audio, self._audio.encoding, self._noise_reduction))

    def clear(self) -> None:
        """Drop the buffer, and the turn under way with it."""
        self._audio.clear()
        self._forget_turn()
        self._out.send(InputAudioBufferClearedEvent(event_id=self._out.event_id()))

    def commit(self) -> str:
        """Make an item of all that is buffered, as the client asked. Returns its id; raises InvalidRequest."""
        if self._audio.held_ms < MIN_COMMIT_MS:
            raise InvalidRequest("commit_empty", least_ms=MIN_COMMIT_MS, held_ms=float(self._audio.held_ms))
        item_id = self._turn_item_id or self._out.new_id("item")
        self._turns.forget()
        self._turn_item_id = None
        self._make_item(item_id, self._audio.take())
        return item_id

    def _forget_turn(self) -> None:
        self._turns.forget()
        if self._turn_item_id is not None:
            self._out.command(DiscardAhead(self._turn_item_id, gone=True))
            self._told.pop(self._turn_item_id, None)
        self._turn_item_id = None

    # --- turns

    def heard(self, probabilities: Sequence[float], frame_ms: float) -> Iterator[SpeechStarted | SpeechStopped]:
        """Speech probabilities of the next frames. Yields each turn's begin and end, after its events are made."""
        settings = self._session.turn_settings
        if settings is None:
            return
        for event in self._turns.judge(probabilities, frame_ms, settings):
            match event:
                case SpeechStarted():
                    self._turn_started(event.audio_ms - settings.prefix_padding_ms)
                    yield event
                case SpeechPaused():
                    self._turn_paused(settings)
                case SpeechResumed():
                    self._out.command(DiscardAhead(self._turn_id))
                case SpeechStopped():
                    self._turn_ended(event.audio_ms)
                    yield event
                case _:
                    assert_never(event)
        if not self._turns.speaking:
            # A turn that begins now would begin this much earlier in the audio.
            self._audio.keep_from(round(self._turns.audio_ms) - settings.prefix_padding_ms - 2 * MIN_SPEECH_MS)

    def end_of_turn_judged(self, item_id: str, completeness: float) -> Iterator[SpeechStopped]:
        """The words of the turn under way are a complete turn with this probability. Yields its end, if it has come."""
        settings = self._session.turn_settings
        if settings is None or item_id != self._turn_item_id:
            return
        stopped = self._turns.end_of_turn_judged(completeness, settings)
        if stopped is not None:
            self._turn_ended(stopped.audio_ms)
            yield stopped

    def spoken(self, item_id: str, from_byte: int = 0) -> Transcribe | None:
        """What has been said in the turn under way, from a place in its audio on; None if it is not this turn."""
        if item_id != self._turn_item_id:
            return None
        return self._transcribe(item_id, self._audio.held(from_byte), self._audio.encoding)

    @property
    def silent(self) -> bool:
        """Whether nothing is being said at this moment."""
        return self._turns.silent

    @property
    def _turn_id(self) -> str:
        assert self._turn_item_id is not None, "the turn table lets nothing happen to a turn before it began"
        return self._turn_item_id

    def _turn_started(self, start_ms: int) -> None:
        self._turn_item_id = item_id = self._out.new_id("item")
        self._audio.keep_from(start_ms)
        self._turn_start_ms = self._audio.start_ms
        self._out.send(
            InputAudioBufferSpeechStartedEvent(
                event_id=self._out.event_id(), item_id=item_id, audio_start_ms=self._turn_start_ms
            )
        )
        if self._session.transcription is not None:
            self._out.command(TranscribePartial(item_id))

    def _turn_paused(self, settings: TurnSettings) -> None:
        judge = settings.complete_silence_ms is not None
        if judge or settings.create_response or self._session.transcription is not None:
            self._out.command(TranscribeAhead(self._turn_id, judge))

    def _turn_ended(self, end_ms: int) -> None:
        item_id = self._turn_id
        self._turn_item_id = None
        self._out.send(
            InputAudioBufferSpeechStoppedEvent(event_id=self._out.event_id(), item_id=item_id, audio_end_ms=end_ms)
        )
        self._make_item(item_id, self._audio.take(self._turn_start_ms, end_ms))

    def timed_out(self, quiet_ms: int) -> None:
        """Nobody has spoken for so long: an empty item says so. The buffer stays, as the lead-in of the next turn."""
        item_id, end_ms = self._out.new_id("item"), self._audio.end_ms
        self._out.send(
            InputAudioBufferTimeoutTriggeredEvent(
                event_id=self._out.event_id(),
                item_id=item_id,
                audio_start_ms=max(0, end_ms - quiet_ms),
                audio_end_ms=end_ms,
            )
        )
        self._make_item(item_id, b"")

    def _make_item(self, item_id: str, audio: bytes) -> None:
        item = MessageItem(id=item_id, role="user", status="completed", content=[InputAudioPart(transcript=None)])
        previous_item_id = self._conversation.last_id
        entry = Entry(item=item, audio=bytearray(audio), encoding=self._audio.encoding)
        self._out.send(
            InputAudioBufferCommittedEvent(
                event_id=self._out.event_id(), item_id=item_id, previous_item_id=previous_item_id
            )
        )
        self._conversation.insert(entry)
        self._conversation.drop_old_audio()
        self._out.send(
            ConversationItemAddedEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
            ConversationItemDoneEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
        )
        if self._session.transcription is not None:
            self.transcribe(entry)

    # --- transcription

    def transcribe(self, entry: Entry) -> None:
        """Have an item's speech transcribed, unless that is done or under way."""
        if entry.heard is not None or entry.transcribing or entry.encoding is None:
            return
        entry.transcribing = True
        self._transcribing[entry.item_id] = entry
        self._account.change("audio", len(entry.audio))
        entry.read_bytes = len(entry.audio)
        self._out.command(self._transcribe(entry.item_id, bytes(entry.audio), entry.encoding))

    def _transcribe(self, item_id: str, audio: bytes, encoding: Encoding) -> Transcribe:
        settings = self._session.transcription
        return Transcribe(
            item_id=item_id,
            audio=audio,
            encoding=encoding,
            language=settings.language if settings and is_set(settings.language) else None,
            prompt=settings.prompt if settings and is_set(settings.prompt) else None,
            noise_reduction=self._noise_reduction,
        )

    @property
    def _noise_reduction(self) -> str | None:
        wire = self._session.input.noise_reduction
        return wire.type if isinstance(wire, NoiseReduction) and isinstance(wire.type, str) else None

    def claims(self, item_id: str) -> bool:
        """Whether the id is taken: by the turn under way, or by a transcript on its way, even of a deleted item."""
        return item_id == self._turn_item_id or item_id in self._transcribing

    def transcript_guess(self, item_id: str, text: str) -> None:
        """What the turn under way seems to say so far: told as far as it is certain."""
        if item_id == self._turn_item_id and self._session.transcription is not None:
            self._tell(item_id, self._told.setdefault(item_id, Transcript()).guess(text))

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """The next piece of a transcript."""
        if self._is_told(self._transcribing.get(item_id)):
            self._tell(item_id, self._told.setdefault(item_id, Transcript()).add(delta))

    def _tell(self, item_id: str, delta: str) -> None:
        if delta:
            self._out.send(
                InputAudioTranscriptionDeltaEvent(
                    event_id=self._out.event_id(), item_id=item_id, content_index=0, delta=delta
                )
            )

    def transcribed(self, item_id: str, transcript: str) -> None:
        """All that was said in an item."""
        entry = self._transcribing.get(item_id)
        if entry is None:
            return
        if not self._conversation.fits(transcript):
            self.transcription_failed(item_id, "The transcript is too long for the conversation.")
            return
        self._read(entry)
        entry.transcribing, entry.heard = False, transcript
        told = self._told.pop(item_id, Transcript())
        if not self._is_told(entry):
            return
        self._tell(item_id, told.finish(transcript))
        entry.item = with_transcript(entry.item, transcript)
        self._conversation.recount(entry)
        audio_ms = entry.encoding.duration_ms(len(entry.audio)) if entry.encoding else 0
        self._out.send(
            InputAudioTranscriptionCompletedEvent(
                event_id=self._out.event_id(),
                item_id=item_id,
                content_index=0,
                transcript=transcript,
                usage=transcription_usage(transcript, audio_ms),
            )
        )

    def transcription_failed(self, item_id: str, fault: str) -> None:
        """An item could not be transcribed; for a response it counts as silence."""
        entry = self._transcribing.get(item_id)
        if entry is None:
            return
        self._read(entry)
        entry.transcribing, entry.heard = False, ""
        self._told.pop(item_id, None)
        if self._is_told(entry):
            self._out.send(
                InputAudioTranscriptionFailedEvent(
                    event_id=self._out.event_id(),
                    item_id=item_id,
                    content_index=0,
                    error=TranscriptionError(type="server_error", code="engine_failed", message=fault, param=None),
                )
            )

    def _read(self, entry: Entry) -> None:
        """The audio of a transcription is gone."""
        del self._transcribing[entry.item_id]
        self._account.change("audio", -entry.read_bytes)
        entry.read_bytes = 0

    def _is_told(self, entry: Entry | None) -> bool:
        """Whether the client hears of an item's transcript: it asked for that, and has not deleted the item."""
        return (
            entry is not None
            and self._session.transcription is not None
            and self._conversation.get(entry.item_id) is entry
        )
