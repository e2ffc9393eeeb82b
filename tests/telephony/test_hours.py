"""Hours of a call on a clock of the test's: what is kept does not grow with them, and what was heard stays exact.

Of a whole call, the history of the conversation grows: its items and their words, within `KeptLimits`. It is the
subject of tests/protocol/client/test_limits.py; here are the bridge, its marks and the ledger of what was played.
"""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from duologue.audio.formats import PCMU
from duologue.client.sound.playout import ItemPart
from duologue.protocol.client.notices import AudioDelta, AudioDone, Interrupted
from duologue.protocol.client.playback import PlaybackLedger
from duologue.telephony import Bridge, CallerAudio, CallStarted, Played, Twilio
from duologue.telephony.bridge import CallerSpeech
from duologue.telephony.codecs.leg_events import MarkCommand, PlayCommand

_FRAME = b"\x55" * 160
_STEPS = 200
"""A turn of four seconds, in frames of 20 ms."""
_ANSWER_MS = 2_000
_INTERRUPTED_MS = 1_000


class _LongCall:
    """A caller who talks all the time, a carrier that returns marks, and an answer in each turn; each third is cut."""

    def __init__(self) -> None:
        self.codec = Twilio()
        self.bridge = Bridge(self.codec, now=0.0)
        self.bridge.leg(CallStarted(call_id="CA1", stream_id="MZ1", encoding=PCMU), now=0.0)
        self.ledger = PlaybackLedger(PCMU)
        self.n_turns = self.n_frames = self.appended_bytes = 0
        self.wrong: list[tuple[int, int]] = []
        """Turns after which something else was heard than the carrier has played, and how much."""
        self._marks: list[tuple[float, str]] = []

    def talk(self, n_turns: int) -> None:
        for _ in range(n_turns):
            self._turn()
            self.n_turns += 1

    def _turn(self) -> None:
        item, began = f"item_{self.n_turns}", self.n_frames / 50
        is_cut = self.n_turns % 3 == 0
        speech = AudioDelta(response_id="r", item_id=item, content_index=0, audio=_FRAME * 100, encoding=PCMU)
        self.ledger.received(item, 0, len(speech.audio))
        self.ledger.all_received(item, 0)
        self._notice(speech, began)
        self._notice(AudioDone(item_id=item, content_index=0), began)
        heard_ms = _ANSWER_MS
        self._plays_out_at = began
        for step in range(_STEPS):
            now = began + step / 50
            if is_cut and step == _INTERRUPTED_MS // 20:
                self._report(now)
                interruption = self.ledger.interrupt()
                assert interruption.truncate is not None
                heard_ms = interruption.truncate.audio_end_ms
                self._notice(Interrupted(interruption), now)
                self._marks.clear()
            self._step(now)
            if not step % 5:
                self._report(now)
        if heard_ms != (_INTERRUPTED_MS if is_cut else _ANSWER_MS) or self.ledger.playing:
            self.wrong.append((self.n_turns, heard_ms))

    def _step(self, now: float) -> None:
        self.n_frames += 1
        self.bridge.leg(CallerAudio(audio=_FRAME, at_ms=20 * self.n_frames, chunk=self.n_frames), now=now)
        for frame in self.bridge.take_frames(now):
            match self.codec.read_command(frame):
                case PlayCommand(audio=audio):
                    self._plays_out_at += len(audio) / PCMU.bytes_per_s
                case MarkCommand(name=name):
                    self._marks.append((self._plays_out_at, name))
                case _:
                    pass  # a clear: the marks are forgotten above
        while self._marks and self._marks[0][0] <= now + 1e-6:  # seconds are floats
            self.bridge.leg(Played(name=self._marks.pop(0)[1]), now=now)
        self.bridge.tick(now)
        requests = self.bridge.take_requests()
        self.appended_bytes += sum(len(each.audio) for each in requests if isinstance(each, CallerSpeech))

    def _notice(self, notice: object, now: float) -> None:
        self.bridge.notice(notice, received_bytes=self._received, now=now)

    def _received(self, part: ItemPart) -> int:
        return self.ledger.received_bytes(part.item_id, part.content_index)

    def _report(self, now: float) -> None:
        for part, position in self.bridge.report(now):
            self.ledger.played_to(part.item_id, part.content_index, n_bytes=position)


def _check(n_warm: int, n_turns: int) -> None:
    call = _LongCall()
    tracemalloc.start()
    try:
        call.talk(n_warm)
        warm_bytes = _traced_bytes()
        call.talk(n_turns)
        grown_bytes = _traced_bytes() - warm_bytes
    finally:
        tracemalloc.stop()
    assert call.wrong == []
    assert call.appended_bytes == len(_FRAME) * call.n_frames
    assert grown_bytes < 32 * 1024


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_minutes_of_a_call_are_exact_and_keep_nothing() -> None:
    _check(20, 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hours_of_a_call_are_exact_and_keep_nothing() -> None:
    _check(300, 2_400)  # after as many turns as parts are remembered, the last ones stand in the place of the first
