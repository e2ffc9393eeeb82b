"""A carrier for tests: plays what it is sent in real time, and brings the audio and the keys of a caller. No I/O.

carrier = Carrier(network_named("twilio"), plan, chance=Random(1).random, now=now)
take_frames · next_frames_at      frames for the application, and when there are more
receive · closed                  a frame of the application; its connection is over
ended · report · sound            why the call is over; what became of it; what was said and heard
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import structs

from duologue.audio.formats import Encoding
from duologue.audio.pacing import FRAME_MS, silence
from duologue.audio.play_queue import MarkReached, PlayedAudio, PlayQueue
from duologue.printable import printable
from duologue.telephony.carrier.call_plan import CallPlan
from duologue.telephony.carrier.call_report import CallReport, ClearReport, PieceReport
from duologue.telephony.carrier.call_sound import CallSound
from duologue.telephony.carrier.caller import PlannedCaller
from duologue.telephony.carrier.networks import CallIds, CarrierNetwork
from duologue.telephony.carrier.rough_line import LineQuality, RoughLine
from duologue.telephony.codecs.leg_codec import Frame, LegCodec
from duologue.telephony.codecs.leg_events import (
    CallerAudio,
    Cleared,
    Digit,
    Flow,
    HangUpCommand,
    LegEvent,
    MarkCommand,
    PlayCommand,
    Played,
    UnknownLegFrame,
)

__all__ = ["Carrier", "MarkEcho"]

R = TypeVar("R")

MarkEcho: TypeAlias = Literal["echo", "drop", "none"]
"""What becomes of marks when the queue is emptied: they come back at once, or never; "none": none ever comes back."""

_FRAME_S: Final = FRAME_MS / 1000
_MS: Final = 1000

_MOST_ROWS: Final = 20_000
"""Pieces of a report: an hour of speech in pieces of 200 ms. An application may send any number."""

_MOST_PROBLEMS: Final = 100
_PRESSED_MS: Final = 100
"""How long a key is held: what telephones send for a short press."""

_STANDARD: Final = LineQuality()


class Carrier:
    """One call of one network. `now` is any clock in seconds that does not go backwards."""

    def __init__(
        self,
        network: CarrierNetwork,
        plan: CallPlan,
        *,
        now: float,
        chance: Callable[[], float],
        ids: CallIds | None = None,
        marks: MarkEcho | None = None,
        quality: LineQuality = _STANDARD,
        encoding: Encoding | None = None,
    ) -> None:
        """`marks` and `encoding`: None is what the network does. `chance` gives numbers from 0 to 1, for `quality`.

        Raises:
            MissingExtra: a clip has another rate than the call, and the `audio` extra is not installed.
            ValueError: this network never brings audio out of order.
        """
        self.network = network
        self.codec: LegCodec = network.codec()
        traits = self.codec.traits
        if quality.reordering and not traits.reorders:
            raise ValueError(f"{network.name} brings audio in order; there is no reordering")
        self.encoding: Encoding = encoding or network.encoding
        self.ended: str | None = None
        self.sound: CallSound = CallSound(self.encoding)
        self._ids = ids or CallIds()
        own: MarkEcho = "drop" if traits.after_clear == "drop" else "echo"
        self._marks: MarkEcho = marks or own
        self._sends_silence = plan.sends_silence if plan.sends_silence is not None else not traits.quiet_when_silent
        self._began_at = now
        self._n_ticks = self._n_frames = 0
        self._queue = PlayQueue(self.encoding)
        self._line: RoughLine[CallerAudio] = RoughLine(quality, chance=chance)
        self._caller = PlannedCaller(plan, self.encoding)
        self._report = CallReport(protocol=network.name, spoken=self._caller.spoken)
        self._n_pieces = self._stretch_from = 0
        self._stretch_ms = 0.0
        """How much was heard of the present answer: since its first piece, or since the queue was emptied."""
        self._is_full = False
        self._outgoing: list[Frame] = []
        for event in network.begins(self._ids, self.encoding):
            self._tell(event)
            self.codec.decode(self._outgoing[-1])  # frames behind the start name its stream

    # --- frames for the application

    @property
    def next_frames_at(self) -> float:
        """When `take_frames` has more to give; infinity when the call is over."""
        if self._outgoing:
            return -inf
        if self.ended is not None:
            return inf
        next_tick_at = self._began_at + (self._n_ticks + 1) * _FRAME_S
        return min(next_tick_at, self._queue.next_mark_at, self._line.next_due_at)

    def take_frames(self, now: float) -> list[Frame]:
        """Frames that are due, in order."""
        while self.ended is None and self._began_at + (self._n_ticks + 1) * _FRAME_S <= now:
            self._n_ticks += 1
            self._tick(self._began_at + self._n_ticks * _FRAME_S)
        if self.ended is None:
            self._play(now)
            self._pass_on(now)
        frames, self._outgoing = self._outgoing, []
        return frames

    def _tick(self, now: float) -> None:
        self._play(now)
        at_s = self._n_ticks * _FRAME_S
        for key in self._caller.take_keys(at_s):
            self._tell(Digit(digit=key, duration_ms=_PRESSED_MS))
        said = self._caller.tick(at_s)
        if said is not None:
            self.sound.said(at_s - _FRAME_S, said)
        elif self._sends_silence:
            said = silence(self.encoding, self.encoding.bytes_for_ms(FRAME_MS))
        if said is not None:
            self._line.push(CallerAudio(audio=said, at_ms=round((at_s - _FRAME_S) * _MS)), now=now)
        self._pass_on(now)
        if self._caller.hangs_up:
            self._hang_up(self._caller.hangs_up, now)

    def _pass_on(self, now: float) -> None:
        for number, piece in self._line.take(now):
            self._report.frames_sent += 1
            self._tell(structs.replace(piece, chunk=number))
        self._report.frames_lost = self._line.lost

    def _hang_up(self, reason: str, now: float) -> None:
        self._end("caller", reason, now)
        if (event := self.network.ends(self._ids)) is not None:
            self._tell(event)

    def _tell(self, event: LegEvent) -> None:
        self._outgoing.append(self.codec.write(event, sequence=self._n_frames + self.network.numbers_from))
        self._n_frames += 1

    # --- what the application sends

    def receive(self, frame: Frame, *, now: float) -> None:
        """A frame of the application. Never raises: what a carrier would refuse is a problem of the report."""
        if self.ended is not None:
            return
        self._play(now)
        longest = self.codec.traits.longest_text_bytes
        if isinstance(frame, str) and longest is not None and len(frame.encode("utf-8", "replace")) > longest:
            self._problem(f"a text of {len(frame)} characters is dropped: {longest} bytes are the most", now)
            return
        match self.codec.read_command(frame):
            case PlayCommand() as command:
                self._queue_audio(self._playable(command, now), now)
            case MarkCommand(name=name):
                self._report.marks_sent += 1
                self._queue.mark(name, now=now)
                self._play(now)
            case HangUpCommand():
                self._end("application", "the application hangs up", now)
            case UnknownLegFrame(reason=reason):
                self._problem(f"a frame is not understood: {printable(reason)}", now)
            case _:
                self._clear(now)

    def closed(self, code: int, reason: str, *, now: float) -> None:
        """The application has closed the connection, or it was lost (1006)."""
        if self.ended is None:
            by = "network" if code == 1006 else "application"
            self._end(by, reason or f"the connection was closed with {code}", now)

    def hang_up(self, reason: str = "the caller hangs up", *, now: float) -> None:
        """The caller hangs up."""
        if self.ended is None:
            self._play(now)
            self._hang_up(reason, now)

    def _playable(self, command: PlayCommand, now: float) -> bytes:
        """What of a piece is played: the rest is lost, and a problem."""
        audio, encoding = command.audio, self.encoding
        if command.rate_hz and command.rate_hz != encoding.rate_hz:
            self._problem(f"audio at {command.rate_hz} Hz, in a call at {encoding.rate_hz} Hz", now)
        unit = encoding.bytes_for_ms(FRAME_MS) if self.network.whole_frames else encoding.bytes_per_sample
        if rest := len(audio) % unit:
            self._problem(f"{rest} bytes are lost: {len(audio)} are no multiple of {unit}", now)
            audio = audio[: len(audio) - rest]
        if self.network.longest_ms is not None:
            room = max(0, encoding.bytes_for_ms(self.network.longest_ms) - self._queue.waiting_bytes)
            if len(audio) > room:
                self._problem(f"{self._ms(len(audio) - room):g} ms are lost: the queue is full", now)
                audio = audio[:room]
        return audio

    def _queue_audio(self, audio: bytes, now: float) -> None:
        if not audio:
            return
        self._queue.push(audio, now=now)
        ms = self._ms(len(audio))
        self._n_pieces += 1
        self._report.received_ms += ms
        self._row(self._report.pieces, PieceReport(arrived_ms=self._at_ms(now), sent_ms=ms))
        clears, spoken = self._report.clears, self._caller.spoken
        if self._caller.is_speaking and clears and clears[-1].at_ms >= spoken[-1].begin_ms:
            clears[-1].late_ms += ms
        self._flow()

    def _clear(self, now: float) -> None:
        dropped = self._queue.waiting_bytes
        marks = self._queue.clear(now=now)
        report = ClearReport(
            at_ms=self._at_ms(now),
            heard_ms=round(self._stretch_ms, 3),
            dropped_ms=self._ms(dropped),
            marks=len(marks),
        )
        self._row(self._report.clears, report)
        self._stretch_from, self._stretch_ms = self._n_pieces, 0.0
        if self._marks == "echo":
            for name in marks:
                self._echo(name)
        if self.network.tells_cleared:
            self._tell(Cleared())
        self._flow()

    # --- the queue

    def _play(self, now: float) -> None:
        for event in self._queue.advance(now):
            match event:
                case MarkReached(name=name):
                    if self._marks != "none":
                        self._echo(name)
                case PlayedAudio(piece=number, at_s=at, audio=audio):
                    self._heard(number, at - self._began_at, audio)
        self._flow()

    def _heard(self, number: int, at_s: float, audio: bytes) -> None:
        ms = self._ms(len(audio))
        self._report.heard_ms += ms
        self.sound.heard(at_s, audio)
        arrived_s = at_s
        if number < len(self._report.pieces):
            piece = self._report.pieces[number]
            piece.began_ms = round(at_s * _MS, 3) if piece.began_ms is None else piece.began_ms
            piece.played_ms = round(piece.played_ms + ms, 3)
            arrived_s = piece.arrived_ms / _MS
        is_silent = not audio.strip(silence(self.encoding, 1))  # some applications send silence between answers
        if not is_silent and self._caller.heard(at_s, ms, arrived_s=arrived_s):
            self._stretch_from, self._stretch_ms = number, 0.0
        if number >= self._stretch_from:
            self._stretch_ms += ms

    def _echo(self, name: str) -> None:
        self._report.marks_echoed += 1
        self._tell(Played(name=name))

    def _flow(self) -> None:
        full_ms, free_ms = self.network.full_ms, self.network.free_ms
        if full_ms is None or free_ms is None:
            return
        waiting_ms = self._ms(self._queue.waiting_bytes)
        if (waiting_ms < free_ms) if self._is_full else (waiting_ms > full_ms):
            self._is_full = not self._is_full
            self._tell(Flow(on=not self._is_full))

    # --- the report

    def report(self, now: float | None = None) -> CallReport:
        """What became of the call, by `now` or by its end. The same object each time."""
        if now is not None and self.ended is None:
            self._play(now)
            self._report.duration_ms = self._at_ms(now)
        greeting_at_s = self._caller.greeting_at_s
        self._report.greeting_ms = None if greeting_at_s is None else round(greeting_at_s * _MS, 3)
        return self._report

    def _end(self, by: str, reason: str, now: float) -> None:
        self.ended = reason
        self._report.ended_by, self._report.reason = by, reason
        self._report.duration_ms = self._at_ms(now)

    def _problem(self, sentence: str, now: float) -> None:
        if len(self._report.problems) < _MOST_PROBLEMS:
            self._report.problems.append(f"at {self._at_ms(now) / _MS:.2f} s: {sentence}")
        else:
            self._report.omitted += 1

    def _row(self, rows: list[R], row: R) -> None:
        if len(rows) < _MOST_ROWS:
            rows.append(row)
        else:
            self._report.omitted += 1

    def _at_ms(self, now: float) -> float:
        return round((now - self._began_at) * _MS, 3)

    def _ms(self, n_bytes: int) -> float:
        return n_bytes * _MS / self.encoding.bytes_per_s
