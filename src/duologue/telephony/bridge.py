"""Between a carrier and a conversation: what each is sent because of the other. No I/O, no clock.

The rules, by number, as docs/howto/telephone.md explains them:

1  Formats: G.711 passes as it is; other audio is converted as a stream, which an interruption ends.
2  Heard: marks of this generation, and the time since (`MarkedPlayout`).
3  An interruption empties the carrier's queue, and begins another generation, whether a response still runs or not.
4  One second of call is one second of audio (`LineClock`).
5  Flow: nothing is sent while the carrier's queue is full; without a clear, 20 ms ahead at most.
6  Keys become an item of the user and a response, or are reported only.
7  Ends: of the call at once; of the session's connection after 10 s; `hang_up` when what was said was heard.
8  Start: nothing counts before the start, which comes within 5 s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.client.sound.playout import ItemPart
from duologue.client.sound.speech import SpeechConverter
from duologue.events import FunctionCallItem, is_set
from duologue.protocol.client.notices import (
    AudioDelta,
    AudioDone,
    CallsAnswered,
    ConnectionLost,
    Interrupted,
    ResponseFinished,
    ResponseStarted,
    SpeechStopped,
)
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.telephony.chunk_order import ChunkOrder
from duologue.telephony.codecs.leg_codec import Frame, LegCodec
from duologue.telephony.codecs.leg_events import CallEnded, CallerAudio, CallStarted, Digit, Flow, LegEvent, Played
from duologue.telephony.key_presses import KeyPresses
from duologue.telephony.line_clock import LineClock
from duologue.telephony.marked_playout import MarkedPlayout

__all__ = [
    "AskAgain",
    "Bridge",
    "BridgeRequest",
    "CallerSpeech",
    "CutSpeech",
    "KeyMode",
    "KeysPressed",
    "session_encoding",
]

KeyMode: TypeAlias = Literal["answer", "report"]
"""What becomes of pressed keys: an item of the user and a response, or nothing but the event."""

_START_S: Final = 5.0
"""Carriers send the start of a call at once; what opens a socket and says nothing is none."""

_GIVE_UP_S: Final = 10.0
"""So long a caller listens to silence while a lost session is restored. One that is lost again within this is lost for
good: a server that falls over at each call would keep the caller in a call without answers."""

_SETTLED_S: Final = 0.5
"""After a function has asked to hang up, the model often still says goodbye: its response begins within this."""

_HANG_UP_S: Final = 20.0
"""A goodbye that takes longer is cut off."""

_MOST_WAITING_MS: Final = 10_000
"""Caller's audio that waits for a slow session; beyond it the oldest is dropped, because late speech is of no use."""

_MOST_UNSENT_BYTES: Final = 16 * 1024 * 1024
"""A quarter of an hour of speech at 8 kHz and 16 bits: no answer is as long."""

_PIECES_AT_ONCE: Final = 5
"""A second of speech: what was handed to the socket cannot be taken back before the clear that follows it."""


_INBOUND: Final = ("inbound", "inbound_track")
"""Names of the track that comes from the caller."""

_HEARD: Final = frozenset(
    {
        AudioDelta,
        AudioDone,
        CallsAnswered,
        ConnectionLost,
        Interrupted,
        ResponseFinished,
        ResponseStarted,
        SessionRestored,
        SpeechStopped,
    }
)
"""Notices that say something about the call: of all that a conversation publishes, one in five."""


class CallerSpeech(Struct, frozen=True):
    """Append this to the session's input."""

    audio: bytes


class KeysPressed(Struct, frozen=True):
    """Add an item of the user with these keys, and ask for a response."""

    keys: str


class CutSpeech(Struct, frozen=True):
    """A response was cancelled: cut what was not heard of it."""


class AskAgain(Struct, frozen=True):
    """The session is back, and the answer that the caller waits for is lost: ask for it again."""


BridgeRequest: TypeAlias = CallerSpeech | KeysPressed | CutSpeech | AskAgain
"""What the conversation is to do."""


def session_encoding(leg: Encoding) -> Encoding | None:
    """What the session's formats should be, so that nothing is resampled; None if the session's own will do."""
    if leg in (PCMU, PCMA):
        return leg
    return PCMU if leg.type == PCM.type and leg.rate_hz == PCMU.rate_hz else None


class Bridge:
    """One call and one conversation.

        leg                              what the carrier tells, as its codec reads it
        notice · conversation_over       what the conversation tells
        hang_up · tick                   the call should end; `tick` is due at `next_tick_at`
        take_frames                      for the carrier; more at `next_frames_at`
        take_requests                    for the conversation
        report                           what was heard, by part: bytes of the wire from its beginning

    `now` is any clock in seconds that does not go backwards. Nothing raises for what a carrier or a server sends.
    """

    def __init__(self, codec: LegCodec, *, now: float, keys: KeyMode = "answer") -> None:
        self.started: CallStarted | None = None
        self.ended: CallEnded | None = None
        self.dropped_ms: int = 0
        """Caller's audio that waited too long for a slow session."""
        self._codec = codec
        self.keys = keys
        self.settled_s = _SETTLED_S
        """How long nothing new may be said before a call ends that is to be hung up."""
        self._key_presses = KeyPresses()
        self._order = ChunkOrder()
        self._start_by = now + _START_S
        self._give_up_at = self._hang_up_at = self._settled_at = inf
        self._lost_at = -inf
        self._control: deque[Frame] = deque()
        self._requests: list[BridgeRequest] = []
        self._caller = bytearray()
        self._answering = False
        """Whether the caller waits for an answer, or hears one that has not ended."""

    # --- the carrier

    def leg(self, event: LegEvent, *, now: float) -> None:
        """Something that the carrier tells."""
        if self.ended is not None:
            return
        if isinstance(event, CallStarted):
            self._start(event, now)
        elif isinstance(event, CallEnded):
            self.end(event)
        elif self.started is None:
            pass  # rule 8
        elif isinstance(event, CallerAudio):
            self._speaks(event, now)
        else:
            self._goes_on(event, now)

    def _start(self, event: CallStarted, now: float) -> None:
        if self.started is not None:
            return  # a call starts once
        self.started, self._start_by = event, inf
        self._playout: MarkedPlayout[ItemPart] = MarkedPlayout(event.encoding, self._codec.traits)
        self._speech = SpeechConverter(event.encoding)
        self._clock = LineClock(event.encoding)
        self._clock.start(now)
        self._most_waiting_bytes = event.encoding.bytes_for_ms(_MOST_WAITING_MS)

    def _speaks(self, event: CallerAudio, now: float) -> None:
        if event.track not in _INBOUND:
            return
        for piece in self._order.push(event) if self._codec.traits.reorders else (event,):
            self._append(self._clock.audio(_whole(piece.audio, self._codec.encoding), at_ms=piece.at_ms, now=now))

    def _goes_on(self, event: LegEvent, now: float) -> None:
        match event:
            case Digit(digit=digit) if self.keys == "answer":
                self._pressed(self._key_presses.press(digit, now=now))
            case Played(name=name):
                self._playout.acknowledge(name, now=now)
            case Flow(on=on):
                self._playout.flow(on=on)
            case _:
                pass  # asks for nothing

    def _append(self, audio: bytes) -> None:
        self._caller += audio
        if (excess := len(self._caller) - self._most_waiting_bytes) > 0:
            del self._caller[:excess]
            self.dropped_ms += self._codec.encoding.duration_ms(excess)

    def _pressed(self, keys: str) -> None:
        if keys:
            self._requests.append(KeysPressed(keys))

    def end(self, ended: CallEnded) -> None:
        """The call is over. The first reason counts."""
        self.ended = self.ended or ended

    def transferred(self) -> None:
        """The network has taken the call away; if it has told an end already, that was it."""
        self.ended = CallEnded(reason="transferred")

    # --- the conversation

    @staticmethod
    def hears(notice: object) -> bool:
        """Whether `notice` does anything with such a notice."""
        return type(notice) in _HEARD

    def notice(self, notice: object, *, received_bytes: Callable[[ItemPart], int], now: float) -> None:
        """Something that the conversation tells; `received_bytes` says how much of a part has come.

        Raises:
            MissingExtra: the rates differ, and the `audio` extra is not installed.
        """
        if self.started is None or self.ended is not None:
            return
        match notice:
            case AudioDelta():
                received = received_bytes(ItemPart(notice.item_id, notice.content_index))
                self._add(self._speech.push(notice, received_bytes=received))
            case AudioDone():
                self._complete()
            case Interrupted():
                self.interrupted()
            case ResponseStarted() | SpeechStopped():
                self._answering = True
                self.unsettle(now)
            case ResponseFinished(event=event):
                output = event.response.output if is_set(event.response.output) else []
                self._answering = any(isinstance(item, FunctionCallItem) for item in output)
                self._complete()
                self.unsettle(now)
                if event.response.status == "cancelled" and not self.is_silent:
                    self._requests.append(CutSpeech())
            case CallsAnswered(continued_by=continued_by):
                self._answering = continued_by is not None
            case ConnectionLost(reason=reason):
                if now - self._lost_at < _GIVE_UP_S:
                    self.end(CallEnded(reason=f"the session was lost twice within {_GIVE_UP_S:g} s: {reason}"))
                self._lost_at, self._give_up_at = now, now + _GIVE_UP_S
            case SessionRestored():
                self._give_up_at = inf
                if self._answering:
                    self._requests.append(AskAgain())
            case _:
                pass  # says nothing about the call

    def interrupted(self) -> None:
        """Rule 3: empty the carrier's queue, whatever its length is thought to be."""
        self._speech.drop()
        self._playout.clear()
        if (clear := self._codec.clear()) is not None:
            self._control.append(clear)

    def conversation_over(self, reason: str) -> None:
        """The conversation has ended for good."""
        self.end(CallEnded(reason=reason))

    def _add(self, pieces: list[tuple[ItemPart, bytes]]) -> None:
        for part, audio in pieces:
            self._playout.add(part, audio)
        if self._playout.waiting_bytes > _MOST_UNSENT_BYTES:
            self.end(CallEnded(reason="the carrier takes nothing, and the server speaks on"))

    def _complete(self) -> None:
        self._add(self._speech.flush())
        self._playout.complete()

    def play(self, audio: bytes) -> None:
        """Queue sound for the caller that is no part of the conversation, in the encoding of the call."""
        self._playout.add(None, audio)
        self._playout.complete()

    # --- the end

    def hang_up(self, *, now: float) -> None:
        """End the call when the caller has heard what is being said, within 20 s."""
        if self._hang_up_at == inf:
            self._hang_up_at, self._settled_at = now + _HANG_UP_S, now + self.settled_s

    @property
    def hangs_up(self) -> bool:
        """Whether the call is to end when all is heard."""
        return self._hang_up_at != inf

    def unsettle(self, now: float) -> None:
        """Something new is said: it is to be heard before the call ends."""
        if self.hangs_up:
            self._settled_at = now + self.settled_s

    def unheard_ms(self, now: float) -> int:
        """How much of the speech that has come was not heard yet."""
        if self.started is None:
            return 0
        return self.started.encoding.duration_ms(self._playout.unheard_bytes(now))

    @property
    def is_silent(self) -> bool:
        """Whether the caller has heard all speech that has come."""
        return self.started is None or self._playout.is_idle

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due; infinity while nothing is waited for."""
        if self.ended is not None:
            return inf
        clock = self._clock.next_tick_at if self.started is not None else inf
        ends = min(self._start_by, self._give_up_at, self._hang_up_at, self._settled_at)
        return min(clock, ends, self._key_presses.next_tick_at)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.started is not None:
            self._append(self._clock.tick(now))
        self._pressed(self._key_presses.tick(now))
        if now >= self._start_by:
            self.end(CallEnded(reason=f"no call was started within {_START_S:g} s"))
        elif now >= self._give_up_at:
            self.end(CallEnded(reason=f"the session was not restored within {_GIVE_UP_S:g} s"))
        elif now >= self._hang_up_at:
            self.end(CallEnded(reason="hung up"))
        elif now >= self._settled_at:
            if self._is_over_and_heard(now):
                self.end(CallEnded(reason="hung up"))
            else:
                self._settled_at = now + _SETTLED_S / 5

    def _is_over_and_heard(self, now: float) -> bool:
        return not self._answering and (self.started is None or self._playout.heard_by(now) == inf)

    # --- what the shell collects

    @property
    def next_frames_at(self) -> float:
        """When there is something for the carrier; infinity while there is not."""
        if self._control:
            return -inf
        return self._playout.next_due_at if self.started is not None else inf

    def take_frames(self, now: float) -> list[Frame]:
        """Frames for the carrier, in order, a second of speech at most."""
        frames = [*self._control]
        self._control.clear()
        if self.started is not None and self.ended is None:
            for piece in self._playout.take(now, at_most=_PIECES_AT_ONCE):
                if piece.audio:
                    frames.append(self._codec.play(piece.audio))
                if piece.mark is not None:
                    frames.append(self._codec.mark(piece.mark))
        return frames

    @property
    def has_requests(self) -> bool:
        """Whether `take_requests` returns any."""
        return bool(self._requests or self._caller)

    def take_speech(self) -> bytes:
        """The caller's audio, if no request stands before it: `take_requests` without its list."""
        if self._requests or self.ended is not None:
            return b""
        speech = bytes(self._caller)
        self._caller.clear()
        return speech

    def take_requests(self) -> list[BridgeRequest]:
        """What the conversation is to do, in order."""
        requests, self._requests = self._requests, []
        if self._caller:
            requests.insert(0, CallerSpeech(bytes(self._caller)))
            self._caller.clear()
        return requests

    def report(self, now: float) -> list[tuple[ItemPart, int]]:
        """What more was heard, as positions in the wire's bytes of each part."""
        if self.started is None:
            return []
        positions: dict[ItemPart, int | None] = {}
        for part, n_bytes in self._playout.take_heard(now):
            positions[part] = self._speech.heard(part, n_bytes)
        return [(part, position) for part, position in positions.items() if position is not None]


def _whole(audio: bytes, encoding: Encoding) -> bytes:
    size = encoding.bytes_per_sample
    return audio if size == 1 else audio[: len(audio) // size * size]
