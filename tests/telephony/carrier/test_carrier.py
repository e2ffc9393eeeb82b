"""The carrier by hand: what it brings, what it plays, what it reports."""

from __future__ import annotations

from math import inf

import pytest

from duologue.audio.formats import PCMU
from duologue.audio.wav import Sound
from duologue.telephony import CallEnded, CallerAudio, Cleared, Digit, Flow, LegEvent, Played
from duologue.telephony.carrier import CallerSays, CallPlan, Carrier, KeysAt, LineQuality, MarkEcho, network_named
from duologue.testing.sounds import silence, tone
from tests.telephony._frames import CODECS

_LOUD = PCMU.from_pcm16(tone(200, rate_hz=8_000))
_WORD = Sound(tone(200, rate_hz=8_000) + silence(100, rate_hz=8_000), 8_000)


class _Line:
    """A carrier, the application's codec, and a clock."""

    def __init__(
        self, name: str = "twilio", plan: CallPlan | None = None, marks: MarkEcho | None = None, **quality: float
    ) -> None:
        self.carrier = Carrier(
            network_named(name),
            plan or CallPlan(hang_up_after_s=60),
            now=100.0,
            chance=lambda: 0.5,
            marks=marks,
            quality=LineQuality(**quality),
        )
        self.codec = CODECS[name]()
        self.now = 100.0
        self.told: list[LegEvent] = []
        self.until(0.0)

    def until(self, at_s: float) -> list[LegEvent]:
        """Time passes, to this second of the call; returns what the carrier tells but audio."""
        before = len(self.told)
        while (due := self.carrier.next_frames_at) <= 100.0 + at_s + 1e-9:
            self.now = max(self.now, due)
            self.told += [self.codec.decode(frame) for frame in self.carrier.take_frames(self.now)]
        self.now = 100.0 + at_s
        return [each for each in self.told[before:] if not isinstance(each, CallerAudio)]

    def send(self, *frames: str | bytes | None) -> None:
        for frame in frames:
            assert frame is not None
            self.carrier.receive(frame, now=self.now)

    def play(self, ms: int = 200, *, mark: str = "") -> None:
        audio = (_LOUD * (ms // 200 + 1))[: 8 * ms]
        self.send(self.codec.play(audio), *([self.codec.mark(mark)] if mark else []))

    @property
    def audio(self) -> list[CallerAudio]:
        return [each for each in self.told if isinstance(each, CallerAudio)]


def test_audio_comes_each_20_ms_with_its_time_and_number() -> None:
    line = _Line()
    line.until(0.1)
    assert [(each.chunk, each.at_ms, len(each.audio)) for each in line.audio] == [
        (number, 20 * (number - 1), 160) for number in range(1, 6)
    ]


def test_marks_come_back_when_what_is_before_them_was_played() -> None:
    line = _Line()
    line.play(mark="a")
    line.play(mark="b")
    assert line.until(0.19) == []
    assert line.until(0.2) == [Played(name="a")]
    assert line.until(0.4) == [Played(name="b")]
    report = line.carrier.report(line.now)
    assert [(each.began_ms, each.played_ms) for each in report.pieces] == [(0, 200), (200, 200)]
    assert (report.marks_sent, report.marks_echoed, report.heard_ms) == (2, 2, 400)


@pytest.mark.parametrize(
    ("name", "marks", "told"),
    [
        ("twilio", None, [Played(name="a")]),
        ("twilio", "drop", []),
        ("twilio", "none", []),
        ("plivo", None, [Cleared()]),
        ("asterisk", None, []),
        ("vonage", None, [Played(name="a"), Cleared()]),
    ],
)
def test_a_clear_drops_the_rest_and_marks_come_back_or_not(name: str, marks: MarkEcho, told: list[LegEvent]) -> None:
    line = _Line(name, marks=marks)
    line.send(line.codec.play(bytes([1, 64]) * 16_000), line.codec.mark("a"))
    line.until(0.5)
    line.send(line.codec.clear())
    assert line.until(1.0) == told
    (clear,) = line.carrier.report().clears
    assert clear.heard_ms == 500
    assert clear.dropped_ms == 32_000 * 1000 / line.carrier.encoding.bytes_per_s - 500
    assert clear.marks == 1


def test_no_mark_comes_back_from_a_carrier_that_returns_none() -> None:
    line = _Line(marks="none")
    line.play(mark="a")
    assert line.until(1.0) == []
    assert line.carrier.report().marks_echoed == 0


def test_a_caller_speaks_hears_the_answer_speaks_again_and_hangs_up() -> None:
    line = _Line(plan=CallPlan(says=(CallerSays(sound=_WORD), CallerSays(sound=_WORD))))
    line.until(0.8)
    line.play()
    line.until(2.5)
    line.play(400)
    (ended,) = line.until(9.0)
    assert isinstance(ended, CallEnded)
    report = line.carrier.report()
    assert [(each.begin_ms, each.end_ms, each.first_audio_ms) for each in report.spoken] == [
        (280, 480, 320),
        (1_980, 2_180, 320),
    ]
    assert report.spoken[1].answer_heard_ms == 400
    assert report.is_answered
    assert (report.ended_by, report.duration_ms) == ("caller", 3_900)
    assert line.carrier.next_frames_at == inf
    loud = [n for n, each in enumerate(line.audio) if each.audio.strip(b"\xff")]
    assert loud == [*range(14, 24), *range(99, 109)]


def test_an_interruption_comes_so_long_after_the_answer_has_begun() -> None:
    line = _Line(plan=CallPlan(says=(CallerSays(sound=_WORD), CallerSays(sound=_WORD, interrupts_after_ms=300))))
    line.until(1.0)
    line.play(2_000)
    line.until(1.4)
    line.send(line.codec.clear())
    line.play(40)
    line.until(2.0)
    line.play(60)
    line.until(9.0)
    report = line.carrier.report()
    assert report.spoken[1].begin_ms == 1_280
    assert report.spoken[1].talked_over_ms == 140
    assert report.spoken[1].answer_began_ms == 2_000
    (clear,) = report.clears
    assert (clear.heard_ms, clear.late_ms) == (400, 40)


def test_who_is_not_answered_hangs_up_and_says_so() -> None:
    line = _Line(plan=CallPlan(says=(CallerSays(sound=_WORD),), patience_s=2))
    line.send(line.codec.play(b"\xff" * 800))  # silence is no answer
    line.until(9.0)
    report = line.carrier.report()
    assert not report.is_answered
    assert report.reason == "nothing was heard for 2 s"
    assert report.duration_ms == pytest.approx(2_480, abs=20)


def test_a_greeting_is_heard_first() -> None:
    line = _Line(plan=CallPlan(says=(CallerSays(sound=_WORD),), hears_greeting=True))
    line.until(2.0)
    line.play()
    line.until(9.0)
    report = line.carrier.report()
    assert report.greeting_ms == 2_000
    assert report.spoken[0].begin_ms == 3_180


def test_keys_are_pressed_one_after_another_and_may_be_answered() -> None:
    line = _Line(plan=CallPlan(keys=(KeysAt(keys="12#", at_s=1.0),), patience_s=3))
    told = line.until(1.6)
    assert [each.digit for each in told if isinstance(each, Digit)] == ["1", "2", "#"]
    line.play()
    line.until(9.0)
    report = line.carrier.report()
    (pressed,) = report.spoken
    assert (pressed.keys, pressed.end_ms, pressed.first_audio_ms) == ("12#", 1_500, 100)
    assert report.is_answered


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="no key 'x'"):
        CallPlan(keys=(KeysAt(keys="1x", at_s=0),))


def test_asterisk_is_quiet_while_the_caller_is() -> None:
    line = _Line("asterisk", CallPlan(says=(CallerSays(sound=_WORD),), hang_up_after_s=3))
    line.until(9.0)
    assert len(line.audio) == 15
    assert line.carrier.ended == "the caller hangs up"


def test_a_full_queue_is_told_and_what_goes_beyond_it_is_lost() -> None:
    line = _Line("asterisk")
    for _ in range(11):
        line.play(2_000)
    assert line.until(0.1) == [Flow(on=False)]
    assert line.until(4.5) == [Flow(on=True)]
    report = line.carrier.report(line.now)
    assert report.problems == ["at 0.00 s: 2000 ms are lost: the queue is full"]
    assert report.received_ms == 20_000


def test_what_a_carrier_would_refuse_is_a_problem() -> None:
    line = _Line("asterisk")
    line.send("nonsense", b"\x01" * 150, '{"command":"MARK_MEDIA","correlation_id":"' + "x" * 128 + '"}')
    problems = line.carrier.report().problems
    assert "not understood" in problems[0]
    assert "150 bytes are lost" in problems[1]
    assert "a text of" in problems[2]
    other = _Line("plivo")
    other.send(
        '{"event":"playAudio","streamId":"s","media":{"contentType":"audio/x-l16","sampleRate":16000,"payload":""}}'
    )
    assert "16000 Hz" in other.carrier.report().problems[0]


def test_problems_are_bounded() -> None:
    line = _Line()
    line.send(*["?"] * 300)
    report = line.carrier.report()
    assert (len(report.problems), report.omitted) == (100, 200)


@pytest.mark.parametrize(("code", "by"), [(1000, "application"), (1011, "application"), (1006, "network")])
def test_the_end_of_the_connection_ends_the_call(code: int, by: str) -> None:
    line = _Line()
    line.until(1.0)
    line.carrier.closed(code, "", now=line.now)
    report = line.carrier.report()
    assert (report.ended_by, report.reason) == (by, f"the connection was closed with {code}")
    assert report.duration_ms == 1_000
    assert line.until(5.0) == []


def test_the_application_can_hang_up() -> None:
    line = _Line("audiosocket")
    line.send(line.codec.hang_up())
    assert line.carrier.report().ended_by == "application"


def test_only_networks_that_bring_audio_out_of_order_do_so() -> None:
    with pytest.raises(ValueError, match="in order"):
        _Line("twilio", reordering=0.1)
    line = _Line("telnyx", CallPlan(hang_up_after_s=9), reordering=0.6)
    line.until(1.0)
    assert len(line.audio) > 40


def test_the_report_is_json_with_what_is_worked_out() -> None:
    line = _Line(plan=CallPlan(says=(CallerSays(sound=_WORD),)))
    line.until(0.6)
    line.play()
    line.until(5.0)
    told = line.carrier.report().to_json()
    assert told["is_answered"] is True
    assert told["spoken"][0]["first_audio_ms"] == 120
