"""The input pipeline: input audio, the user's turns in it, and the items and transcripts made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, assert_never

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
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.clock import Clock
from duologue.protocol.server.commands import Detect, DiscardAhead, Transcribe, TranscribeAhead, TranscribePartial
from duologue.protocol.server.conversation.audio_pieces import AudioPieces
from duologue.protocol.server.conversation.items import ConversationItems, Entry, with_transcript
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.input.buffer import InputBuffer
from duologue.protocol.server.input.client_silence import ClientSilence
from duologue.protocol.server.input.transcript import Transcript
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.session import Session, encoding_of
from duologue.protocol.server.token_usage import transcription_usage
from duologue.protocol.server.turn_detection import (
    MIN_SPEECH_MS,
    TurnEnded,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    TurnStarted,
    VadTurns,
)
from duologue.protocol.wire_limits import MIN_COMMIT_MS

__all__ = ["InputPipeline"]

_UNDETECTED_MS: Final = 200
"""Audio that waits for the rest of its frame, in a resampler and a denoiser. What is longer waits for the detector."""


_TRIM_MS: Final = 1000
"""While silence goes on, the buffer may hold so much more than the next turn can need: to drop something costs as much
as to add it."""


class InputPipeline:
    """Buffers input audio, detects turns, makes items of them and has them transcribed."""

    def __init__(
        self,
        session: Session,
        conversation: ConversationItems,
        outgoing: Outgoing,
        *,
        account: MemoryAccount,
        clock: Clock,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._out = outgoing
        self._account = account
        self._audio = InputBuffer(encoding_of(session.input), account)
        self.client_silence: ClientSilence = ClientSilence(clock)
        self._turns = VadTurns(report_illegal=outgoing.command)
        self._settings = session.turn_settings
        self._noise_reduction = _noise_reduction_of(session)
        self._detecting = self._settings is not None
        self._trim_at_ms = 0.0
        self._turn_item_id: str | None = None
        self._begun_by_client = False
        self._turn_start_ms = 0
        self._transcribing: dict[str, Entry] = {}
        self._transcripts: dict[str, Transcript] = {}

    @property
    def in_turn(self) -> bool:
        """Whether the user is speaking."""
        return self._turn_item_id is not None

    @property
    def input_ms(self) -> int:
        """Length of all input audio so far."""
        return self._audio.end_ms

    def session_updated(self) -> None:
        """Apply a change of the input format or of turn detection."""
        self._keep_padding()
        encoding = encoding_of(self._session.input)
        self._noise_reduction = _noise_reduction_of(self._session)
        settings = self._session.turn_settings
        detecting = settings is not None
        if settings != self._settings and self._turns.settings_changed() is not None:
            self._out.command(DiscardAhead(self._turn_id))
        self._settings = settings
        if encoding != self._audio.encoding:
            self._audio.change_encoding(encoding)
            if self._turn_item_id is not None:
                # Audio in the old format is no longer part of the item.
                self._out.command(DiscardAhead(self._turn_item_id, gone=True))
            # The resampler in front of the detector keeps a few milliseconds of the old format.
            self._turns.audio_ms = self._audio.end_ms
        elif detecting and not self._detecting:
            self._turns.audio_ms = self._audio.end_ms
        if not detecting:
            self._drop_turn()
        self._detecting = detecting

    # --- the buffer

    def append(self, audio: bytes) -> None:
        """More audio from the client. Raises InvalidRequest if the buffer is full."""
        if (command := self.hear(audio)) is not None:
            self._out.command(command)

    def hear(self, audio: bytes) -> Detect | None:
        """The same; returns the command instead of queueing it."""
        encoding = self._audio.encoding
        self._audio.append(audio)
        self.client_silence.heard(len(audio) / encoding.bytes_per_s)
        return Detect(audio, encoding, self._noise_reduction) if self._detecting else None

    def clear(self) -> None:
        """Drop the buffer, and with it the current turn."""
        self._audio.clear()
        self._drop_turn()
        self._out.send(InputAudioBufferClearedEvent(event_id=self._out.event_id()))

    def commit(self) -> None:
        """Make an item of the whole buffer, as the client asked. Raises InvalidRequest (rule `error.commit_short`)."""
        self._keep_padding()
        if self._audio.held_ms < MIN_COMMIT_MS:
            raise InvalidRequest("commit_empty", min_ms=MIN_COMMIT_MS, held_ms=float(self._audio.held_ms))
        item_id = self._turn_item_id or self._out.new_id("item")
        self._turns.reset()
        self._turn_item_id = None
        self._make_item(item_id, self._audio.take())

    def begin_utterance(self) -> None:
        """The client begins an utterance, which ends when it says so: transcribe it while it grows."""
        if self._detecting or self._turn_item_id is not None:
            return
        self._turn_item_id = self._out.new_id("item")
        self._begun_by_client = True
        if self._session.transcription is not None:
            self._out.command(TranscribePartial(self._turn_item_id))

    def end_utterance(self) -> None:
        """The client ends its utterance: make an item of the whole buffer, whatever its length."""
        item_id = self._turn_item_id or self._out.new_id("item")
        self._turns.reset()
        self._turn_item_id, self._begun_by_client = None, False
        self._make_item(item_id, self._audio.take())

    def end_input(self) -> Iterator[TurnEnded]:
        """No more audio will come: make an item of what is held, unless that is silence. Yields the turn that ends."""
        if self._detecting and self._turn_item_id is not None:
            end_ms = self._audio.end_ms
            self._turns.reset()
            self._turn_ended(end_ms)
            yield TurnEnded(end_ms)
        elif not self._detecting and self._audio.held_ms >= MIN_COMMIT_MS:
            self.end_utterance()

    @property
    def silence_due_at(self) -> float:
        """When the turn ends because the client sends no more; infinity without a turn, and before its detection."""
        if self._settings is None or self._turn_item_id is None or self.detection_behind:
            return inf
        return self.client_silence.due_at(self._settings.silence_duration_ms)

    @property
    def detection_behind(self) -> bool:
        """Whether more audio waits for the detector than the rest of a frame."""
        return self._audio.end_ms - self._turns.audio_ms > _UNDETECTED_MS

    def fall_silent(self) -> Iterator[TurnEnded]:
        """The client has sent nothing for longer than a silence lasts. Yields the turn that ends.

        Positions count audio alone: a turn that begins when the client sends again begins where this one ended.
        """
        if self._settings is not None and self._turn_item_id is not None:
            end_ms = self._audio.end_ms
            self._turns.reset()
            self._turn_ended(end_ms)
            yield TurnEnded(end_ms)

    @property
    def is_told(self) -> bool:
        """Whether no turn is open, and every item is transcribed."""
        return self._turn_item_id is None and not self._transcribing

    def _drop_turn(self) -> None:
        self._turns.reset()
        if self._turn_item_id is not None:
            self._out.command(DiscardAhead(self._turn_item_id, gone=True))
            self._transcripts.pop(self._turn_item_id, None)
        self._turn_item_id, self._begun_by_client = None, False

    # --- turns

    def goes_on(self, probabilities: Sequence[float], frame_ms: float) -> bool:
        """Push the same as `detected`, if by them speech goes on, or silence does. False: nothing was pushed.

        `silence_due_at` is no sooner for it, unless it was infinite because detection was behind (`detection_behind`).
        """
        settings = self._settings
        if settings is None or not self._turns.goes_on(probabilities, frame_ms, settings.threshold):
            return False
        if self._turns.audio_ms >= self._trim_at_ms:
            self._keep_padding()
        return True

    def detected(self, probabilities: Sequence[float], frame_ms: float) -> Iterator[TurnStarted | TurnEnded]:
        """Push speech probabilities of the next frames. Yields each turn's start and end, once its events are sent."""
        settings = self._settings
        if settings is None:
            return
        for event in self._turns.push(probabilities, frame_ms, settings):
            match event:
                case TurnStarted():
                    self._turn_started(event.audio_ms - settings.prefix_padding_ms)
                    yield event
                case TurnPaused():
                    self._turn_paused(settings)
                case TurnResumed():
                    self._out.command(DiscardAhead(self._turn_id))
                case TurnEnded():
                    self._turn_ended(event.audio_ms)
                    yield event
                case _:
                    assert_never(event)
        self._keep_padding()

    def _keep_padding(self) -> None:
        """Between two turns, drop what is too old to be in the next one."""
        audio_ms, settings = self._turns.audio_ms, self._settings
        self._trim_at_ms = audio_ms + _TRIM_MS
        if settings is not None and not self._turns.speaking:
            # A turn that is detected next can start this much earlier in the audio.
            self._audio.keep_from(round(audio_ms) - settings.prefix_padding_ms - 2 * MIN_SPEECH_MS)

    def end_of_turn_estimated(self, item_id: str, completeness: float) -> Iterator[TurnEnded]:
        """The words of the current turn are complete with this probability. Yields its end, if it is reached."""
        settings = self._session.turn_settings
        if settings is None or item_id != self._turn_item_id:
            return
        stopped = self._turns.end_of_turn_estimated(completeness, settings)
        if stopped is not None:
            self._turn_ended(stopped.audio_ms)
            yield stopped

    def speech_so_far(self, item_id: str, from_byte: int = 0) -> Transcribe | None:
        """The audio of the current turn from `from_byte` on; None if `item_id` is another turn."""
        if item_id != self._turn_item_id:
            return None
        return self._transcribe(item_id, self._audio.held(from_byte), self._audio.encoding)

    @property
    def silent(self) -> bool:
        """Whether the user is silent at this moment, as far as that is known."""
        return self._turns.silent and not self._begun_by_client

    @property
    def _turn_id(self) -> str:
        assert self._turn_item_id is not None, "the state table allows no input to a turn before its start"
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
        detect_end_of_turn = settings.complete_silence_ms is not None
        if detect_end_of_turn or settings.create_response or self._session.transcription is not None:
            self._out.command(TranscribeAhead(self._turn_id, detect_end_of_turn))

    def _turn_ended(self, end_ms: int) -> None:
        item_id = self._turn_id
        self._turn_item_id = None
        self._out.send(
            InputAudioBufferSpeechStoppedEvent(event_id=self._out.event_id(), item_id=item_id, audio_end_ms=end_ms)
        )
        self._make_item(item_id, self._audio.take(self._turn_start_ms, end_ms))

    def idle_timed_out(self, idle_ms: int) -> None:
        """The user was silent for `idle_ms`: add an empty item (rule `idle_timeout.item`).

        The buffer stays: it is the padding before the next turn.
        """
        item_id, end_ms = self._out.new_id("item"), self._audio.end_ms
        self._out.send(
            InputAudioBufferTimeoutTriggeredEvent(
                event_id=self._out.event_id(),
                item_id=item_id,
                audio_start_ms=max(0, end_ms - idle_ms),
                audio_end_ms=end_ms,
            )
        )
        self._make_item(item_id, b"")

    def _make_item(self, item_id: str, audio: bytes) -> None:
        item = MessageItem(id=item_id, role="user", status="completed", content=[InputAudioPart(transcript=None)])
        previous_item_id = self._conversation.last_id
        entry = Entry(item=item, audio=AudioPieces(audio), encoding=self._audio.encoding)
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
        else:
            self._transcripts.pop(item_id, None)

    # --- transcription

    def transcribe(self, entry: Entry) -> None:
        """Have an item's speech transcribed, unless that is done or in progress."""
        if entry.transcript is not None or entry.transcribing or entry.encoding is None:
            return
        entry.transcribing = True
        self._transcribing[entry.item_id] = entry
        self._account.change("audio", len(entry.audio))
        entry.transcribing_bytes = len(entry.audio)
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
    def _transcription_model(self) -> str:
        settings = self._session.transcription
        return settings.model if settings is not None and isinstance(settings.model, str) else ""

    def claims(self, item_id: str) -> bool:
        """Whether the id is taken, by the current turn or by a running transcription, even of a deleted item."""
        return item_id == self._turn_item_id or item_id in self._transcribing

    def partial_transcript(self, item_id: str, text: str) -> None:
        """The transcript of the current turn so far; the client gets the part that is stable."""
        if item_id == self._turn_item_id and self._session.transcription is not None:
            self._send_delta(item_id, self._transcripts.setdefault(item_id, Transcript()).partial(text))

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """The next piece of a transcript."""
        if self._is_reported(self._transcribing.get(item_id)):
            self._send_delta(item_id, self._transcripts.setdefault(item_id, Transcript()).add(delta))

    def _send_delta(self, item_id: str, delta: str) -> None:
        if delta:
            self._out.send(
                InputAudioTranscriptionDeltaEvent(
                    event_id=self._out.event_id(), item_id=item_id, content_index=0, delta=delta
                )
            )

    def transcribed(self, item_id: str, transcript: str) -> None:
        """The whole transcript of an item."""
        entry = self._transcribing.get(item_id)
        if entry is None:
            return
        if not self._conversation.fits(transcript):
            self.transcription_failed(item_id, "The transcript is too long for the conversation.")
            return
        self._transcription_ended(entry)
        entry.transcribing, entry.transcript = False, transcript
        transcript_so_far = self._transcripts.pop(item_id, Transcript())
        if not self._is_reported(entry):
            return
        self._send_delta(item_id, transcript_so_far.finish(transcript))
        entry.item = with_transcript(entry.item, transcript)
        self._conversation.recount(entry)
        audio_ms = entry.encoding.duration_ms(len(entry.audio)) if entry.encoding else 0
        self._out.send(
            InputAudioTranscriptionCompletedEvent(
                event_id=self._out.event_id(),
                item_id=item_id,
                content_index=0,
                transcript=transcript,
                usage=transcription_usage(transcript, audio_ms, self._transcription_model),
            )
        )

    def transcription_failed(self, item_id: str, fault: str) -> None:
        """An item could not be transcribed; a responder reads an empty transcript."""
        entry = self._transcribing.get(item_id)
        if entry is None:
            return
        self._transcription_ended(entry)
        entry.transcribing, entry.transcript = False, ""
        self._transcripts.pop(item_id, None)
        if self._is_reported(entry):
            self._out.send(
                InputAudioTranscriptionFailedEvent(
                    event_id=self._out.event_id(),
                    item_id=item_id,
                    content_index=0,
                    error=TranscriptionError(type="server_error", code="engine_failed", message=fault, param=None),
                )
            )

    def _transcription_ended(self, entry: Entry) -> None:
        """Release the audio of a transcription."""
        del self._transcribing[entry.item_id]
        self._account.change("audio", -entry.transcribing_bytes)
        entry.transcribing_bytes = 0

    def _is_reported(self, entry: Entry | None) -> bool:
        """Whether the client gets an item's transcript: it asked for transcripts, and has not deleted the item."""
        return (
            entry is not None
            and self._session.transcription is not None
            and self._conversation.get(entry.item_id) is entry
        )


def _noise_reduction_of(session: Session) -> str | None:
    wire = session.input.noise_reduction
    return wire.type if isinstance(wire, NoiseReduction) and isinstance(wire.type, str) else None
