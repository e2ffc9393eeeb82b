"""The rules of the bridge, each by hand: no socket, no clock."""

from __future__ import annotations

import base64
import json
from math import inf
from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.client.sound.playout import ItemPart
from duologue.events import ConversationItemTruncateEvent, RealtimeResponse, ResponseDoneEvent
from duologue.protocol.client.notices import (
    AudioDelta,
    AudioDone,
    ConnectionLost,
    Interrupted,
    ResponseFinished,
    ResponseStarted,
)
from duologue.protocol.client.playback import Interruption
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.telephony import (
    Asterisk,
    AudioSocket,
    Bridge,
    CallEnded,
    CallerAudio,
    CallStarted,
    Digit,
    Flow,
    LegCodec,
    LegStatus,
    Played,
    Telnyx,
    Twilio,
)
from duologue.telephony.bridge import (
    AskAgain,
    BridgeRequest,
    CallerSpeech,
    CutSpeech,
    KeyMode,
    KeysPressed,
    session_encoding,
)

_PART = ItemPart("item_1", 0)


def _bridge(codec: LegCodec | None = None, *, encoding: Encoding = PCMU, keys: KeyMode = "answer") -> Bridge:
    codec = codec or Twilio()
    codec.encoding = encoding
    bridge = Bridge(codec, now=0.0, keys=keys)
    bridge.leg(CallStarted(call_id="CA1", stream_id="MZ1", encoding=encoding), now=0.0)
    return bridge


def _tell(bridge: Bridge, notice: object, now: float = 0.0) -> None:
    bridge.notice(notice, received_bytes=lambda part: 10**6, now=now)


def _speech(ms: int, item_id: str = "item_1", encoding: Encoding = PCMU) -> AudioDelta:
    audio = b"\x11" * encoding.bytes_for_ms(ms)
    return AudioDelta(response_id="resp_1", item_id=item_id, content_index=0, audio=audio, encoding=encoding)


def _said(bridge: Bridge, ms: int, now: float = 0.0) -> None:
    bridge.notice(_speech(ms), received_bytes=lambda part: 8 * ms, now=now)
    _tell(bridge, AudioDone(item_id="item_1", content_index=0), now)


def _reason(bridge: Bridge) -> str | None:
    return bridge.ended.reason if bridge.ended is not None else None


def _frames(bridge: Bridge, now: float) -> list[Any]:
    found: list[Any] = []
    while frames := bridge.take_frames(now):
        found += [json.loads(frame) if isinstance(frame, str) else frame for frame in frames]
    return found


def _names(frames: list[Any]) -> list[str]:
    return [frame["event"] for frame in frames]


def _interrupted() -> Interrupted:
    truncate = ConversationItemTruncateEvent(item_id="item_1", content_index=0, audio_end_ms=1)
    return Interrupted(Interruption(truncate=truncate, cut=(("item_1", 0),)))


def _finished(status: str) -> ResponseFinished:
    return ResponseFinished(
        ResponseDoneEvent(event_id="event_1", response=RealtimeResponse(id="resp_1", status=status))
    )


# --- 1: formats


@pytest.mark.parametrize(
    ("leg", "session"),
    [
        (PCMU, PCMU),
        (PCMA, PCMA),
        (Encoding.of("audio/pcm", 8_000), PCMU),
        (Encoding.of("audio/pcm", 16_000), None),
        (PCM, None),
    ],
)
def test_rule_1_the_sessions_formats_are_such_that_nothing_need_be_resampled(
    leg: Encoding, session: Encoding | None
) -> None:
    assert session_encoding(leg) == session


def test_rule_1_g711_passes_as_it_is() -> None:
    bridge = _bridge()
    _tell(bridge, _speech(200))
    play, mark = _frames(bridge, 0.0)
    assert base64.b64decode(play["media"]["payload"]) == b"\x11" * 1_600
    assert mark["mark"]["name"] == "1.1"
    bridge.leg(CallerAudio(audio=b"\x22" * 160), now=0.02)
    assert bridge.take_requests() == [CallerSpeech(b"\x22" * 160)]


def test_rule_1_linear_audio_at_8_khz_needs_no_resampler() -> None:
    bridge = _bridge(AudioSocket(), encoding=Encoding.of("audio/pcm", 8_000))
    _said(bridge, 20)
    (message,) = bridge.take_frames(0.0)
    assert len(message) == 323
    assert bridge.report(1.0) == [(_PART, 160)]


# --- 2: heard


def test_rule_2_what_was_heard_is_told_in_the_sessions_bytes() -> None:
    bridge = _bridge()
    _said(bridge, 400)
    _frames(bridge, 0.0)
    assert bridge.report(0.1) == [(_PART, 800)]
    bridge.leg(Played(name="1.1"), now=0.2)
    assert bridge.report(0.2) == [(_PART, 1_600)]
    assert not bridge.is_silent
    bridge.leg(Played(name="1.2"), now=0.4)
    assert bridge.report(0.4) == [(_PART, 3_200)]
    assert bridge.is_silent


# --- 3: interruption


@pytest.mark.parametrize("after_done", [False, True], ids=["while-it-runs", "after-done"])
def test_rule_3_an_interruption_clears_whether_a_response_runs_or_not(after_done: bool) -> None:
    bridge = _bridge()
    _tell(bridge, ResponseStarted(response_id="resp_1", in_conversation=True))
    _said(bridge, 1_000)
    if after_done:
        _tell(bridge, _finished("completed"))
    _frames(bridge, 0.0)
    _tell(bridge, _interrupted(), 0.5)
    assert _names(_frames(bridge, 0.5)) == ["clear"]
    bridge.leg(Played(name="1.5"), now=0.51)  # echoed by the clear
    assert bridge.report(0.51) == []
    assert bridge.is_silent


def test_rule_3_what_was_not_sent_is_dropped_and_the_next_answer_follows_the_clear() -> None:
    bridge = _bridge()
    _said(bridge, 3_000)
    bridge.take_frames(0.0)
    _tell(bridge, _interrupted(), 0.1)
    _tell(bridge, _speech(200, "item_2"), 0.2)
    frames = _frames(bridge, 0.2)
    assert _names(frames) == ["clear", "media", "mark"]
    assert frames[2]["mark"]["name"] == "2.1"


def test_rule_3_two_interruptions_within_100_ms_are_two_clears() -> None:
    bridge = _bridge()
    _said(bridge, 1_000)
    _frames(bridge, 0.0)
    _tell(bridge, _interrupted(), 0.5)
    _tell(bridge, _interrupted(), 0.58)
    assert _names(_frames(bridge, 0.6)) == ["clear", "clear"]


def test_rule_3_a_cancelled_response_is_cut_where_it_is_still_heard() -> None:
    bridge = _bridge()
    _said(bridge, 1_000)
    _frames(bridge, 0.0)
    _tell(bridge, _finished("cancelled"), 0.2)
    assert bridge.take_requests() == [CutSpeech()]
    bridge.interrupted()
    _tell(bridge, _finished("cancelled"), 0.3)
    assert bridge.take_requests() == []


def test_rule_3_without_a_clear_at_the_carrier_the_rest_is_not_sent() -> None:
    bridge = _bridge(AudioSocket(), encoding=Encoding.of("audio/pcm", 8_000))
    _said(bridge, 1_000)
    assert len(bridge.take_frames(0.0)) == 2
    _tell(bridge, _interrupted(), 0.01)
    (frame,) = bridge.take_frames(0.5)
    assert frame == AudioSocket().play(bytes(320))  # silence keeps the connection


# --- 4: the line


def test_rule_4_a_silent_line_is_silence_in_the_session() -> None:
    bridge = _bridge(Asterisk())
    assert bridge.next_tick_at == pytest.approx(0.08)
    bridge.tick(1.0)
    (speech,) = bridge.take_requests()
    assert speech == CallerSpeech(b"\xff" * 8 * 940)


def test_rule_4_pieces_out_of_order_are_sorted_where_the_carrier_mixes_them() -> None:
    bridge = _bridge(Telnyx())
    for chunk in (1, 3, 2):
        bridge.leg(CallerAudio(audio=bytes((chunk,)) * 160, chunk=chunk), now=0.02)
    assert bridge.take_requests() == [CallerSpeech(b"".join(bytes((chunk,)) * 160 for chunk in (1, 2, 3)))]


def test_rule_4_what_the_caller_hears_is_not_what_the_caller_says() -> None:
    bridge = _bridge()
    bridge.leg(CallerAudio(audio=b"\x22" * 160, track="outbound"), now=0.02)
    assert bridge.take_requests() == []


def test_rule_4_audio_for_a_slow_session_is_bounded() -> None:
    bridge = _bridge()
    for number in range(600):
        bridge.leg(CallerAudio(audio=bytes((number % 256,)) * 160), now=number * 0.02)
    (speech,) = bridge.take_requests()
    assert isinstance(speech, CallerSpeech)
    assert len(speech.audio) == 80_000
    assert bridge.dropped_ms == 2_000


def test_rule_4_half_a_sample_is_left_out() -> None:
    bridge = _bridge(encoding=PCM)
    bridge.leg(CallerAudio(audio=bytes(961)), now=0.02)
    (speech,) = bridge.take_requests()
    assert isinstance(speech, CallerSpeech)
    assert len(speech.audio) == 960


# --- 5: flow


def test_rule_5_nothing_is_sent_to_a_full_queue_but_a_clear() -> None:
    bridge = _bridge(Asterisk())
    bridge.leg(Flow(on=False), now=0.0)
    _said(bridge, 400)
    assert bridge.take_frames(0.0) == []
    assert bridge.next_frames_at == inf
    bridge.leg(Flow(on=True), now=0.1)
    assert len(bridge.take_frames(0.1)) == 4
    bridge.leg(Flow(on=False), now=0.2)
    _tell(bridge, _interrupted(), 0.2)
    assert bridge.next_frames_at == -inf
    assert [json.loads(frame) for frame in bridge.take_frames(0.2)] == [{"command": "FLUSH_MEDIA"}]


def test_rule_5_a_second_of_speech_is_handed_over_at_a_time() -> None:
    bridge = _bridge()
    _said(bridge, 5_000)
    assert len(bridge.take_frames(0.0)) == 10
    assert bridge.next_frames_at == -inf


def test_rule_5_what_a_server_says_to_a_carrier_that_takes_nothing_is_bounded() -> None:
    bridge = _bridge(Asterisk())
    bridge.leg(Flow(on=False), now=0.0)
    _tell(bridge, _speech(20 * 60_000))
    assert _reason(bridge) is None
    _tell(bridge, _speech(20 * 60_000))
    assert "takes nothing" in (_reason(bridge) or "")


# --- 6: keys


def _pressed(keys: KeyMode) -> list[BridgeRequest]:
    bridge = _bridge(keys=keys)
    for digit in "12#":
        bridge.leg(Digit(digit=digit), now=0.01)
    bridge.leg(Digit(digit="9"), now=0.02)
    bridge.tick(2.1)
    return [request for request in bridge.take_requests() if not isinstance(request, CallerSpeech)]


def test_rule_6_keys_become_a_request_at_a_hash_and_after_a_pause() -> None:
    assert _pressed("answer") == [KeysPressed("12#"), KeysPressed("9")]


def test_rule_6_keys_may_be_reported_only() -> None:
    assert _pressed("report") == []


# --- 7: ends


def test_rule_7_the_call_ends_when_the_carrier_says_so_and_the_first_reason_counts() -> None:
    bridge = _bridge()
    bridge.leg(CallEnded(reason="hung up"), now=1.0)
    bridge.conversation_over("the conversation is over")
    assert bridge.ended == CallEnded(reason="hung up")
    assert bridge.next_tick_at == inf
    bridge.leg(CallerAudio(audio=b"\x22"), now=1.1)
    assert bridge.take_requests() == []


def test_rule_7_a_lost_session_is_waited_for_ten_seconds() -> None:
    bridge = _bridge()
    _tell(bridge, ConnectionLost("gone"), 1.0)
    bridge.tick(10.9)
    assert _reason(bridge) is None
    bridge.tick(11.0)
    assert "not restored within 10 s" in (_reason(bridge) or "")


def test_rule_7_a_session_that_is_lost_twice_within_ten_seconds_ends_the_call_and_says_why() -> None:
    bridge = _bridge()
    for at in (10.0, 25.0):
        _tell(bridge, ConnectionLost("1011 killed"), at)
        _tell(bridge, SessionRestored(configured=True, item_ids={}, not_restored=()), at + 1)
    assert bridge.ended is None
    _tell(bridge, ConnectionLost("1011 killed"), 34.0)
    assert _reason(bridge) == "the session was lost twice within 10 s: 1011 killed"


@pytest.mark.parametrize("answering", [False, True])
def test_rule_7_a_restored_session_is_asked_again_for_the_answer_that_was_lost(answering: bool) -> None:
    bridge = _bridge()
    _tell(bridge, ResponseStarted(response_id="resp_1", in_conversation=True), 0.5)
    if not answering:
        _tell(bridge, _finished("completed"), 0.6)
    _tell(bridge, ConnectionLost("gone"), 1.0)
    _tell(bridge, SessionRestored(configured=True, item_ids={}, not_restored=()), 2.0)
    bridge.tick(60.0)
    assert bridge.ended is None
    asked = [request for request in bridge.take_requests() if isinstance(request, AskAgain)]
    assert asked == ([AskAgain()] if answering else [])


def test_rule_7_hang_up_waits_until_what_is_said_was_heard() -> None:
    bridge = _bridge()
    _tell(bridge, ResponseStarted(response_id="resp_1", in_conversation=True))
    bridge.hang_up(now=1.0)
    _said(bridge, 2_000, 1.1)
    _tell(bridge, _finished("completed"), 1.2)
    _frames(bridge, 1.2)
    now = 1.2
    while bridge.ended is None and now < 5.0:
        if now > 3.2:
            bridge.leg(Played(name="1.10"), now=now)
        now += 0.02
        bridge.tick(now)
    assert bridge.ended == CallEnded(reason="hung up")
    assert 3.2 < now < 3.6


def test_rule_7_hang_up_lets_the_goodbye_begin_and_does_not_wait_for_ever() -> None:
    bridge = _bridge()
    bridge.hang_up(now=1.0)
    bridge.tick(1.4)
    assert _reason(bridge) is None
    _tell(bridge, ResponseStarted(response_id="resp_2", in_conversation=True), 1.4)
    bridge.tick(2.5)
    assert _reason(bridge) is None
    bridge.tick(21.0)
    assert _reason(bridge) == "hung up"


# --- 8: the start


def test_rule_8_nothing_counts_before_the_start_which_comes_within_five_seconds() -> None:
    bridge = Bridge(Twilio(), now=0.0)
    bridge.leg(CallerAudio(audio=b"\x22" * 160), now=0.1)
    bridge.leg(Digit(digit="1"), now=0.1)
    bridge.leg(LegStatus(name="connected"), now=0.1)
    _tell(bridge, _speech(200), 0.1)
    assert (bridge.take_requests(), bridge.take_frames(0.2), bridge.report(0.2)) == ([], [], [])
    assert bridge.next_tick_at == 5.0
    bridge.tick(5.0)
    assert bridge.ended is not None
    assert "within 5 s" in bridge.ended.reason


def test_rule_8_a_call_starts_once() -> None:
    bridge = _bridge()
    bridge.leg(CallStarted(call_id="CA2", encoding=PCM), now=1.0)
    assert bridge.started is not None
    assert bridge.started.call_id == "CA1"


def test_speech_is_taken_alone_only_while_no_request_stands_before_it() -> None:
    bridge = _bridge()
    bridge.leg(CallerAudio(audio=b"\x01" * 160), now=0.02)
    assert bridge.has_requests
    assert bridge.take_speech() == b"\x01" * 160
    assert not bridge.take_requests()
    bridge.leg(Digit(digit="#"), now=0.03)
    bridge.leg(CallerAudio(audio=b"\x02" * 160), now=0.04)
    assert bridge.take_speech() == b""
    assert bridge.take_requests() == [CallerSpeech(b"\x02" * 160), KeysPressed("#")]


def test_notices_that_say_nothing_about_the_call_are_not_heard() -> None:
    assert Bridge.hears(ConnectionLost("gone"))
    assert not Bridge.hears(object())


def test_a_sound_beside_the_conversation_is_played_first_and_reported_to_no_ledger() -> None:
    bridge = _bridge()
    bridge.play(b"\x11" * 200)
    assert not bridge.is_silent
    media = [json.loads(str(frame)) for frame in bridge.take_frames(0.0)]
    audio = base64.b64decode(media[0]["media"]["payload"])
    assert audio == b"\x11" * 200 + b"\xff" * 120
    assert [each["event"] for each in media] == ["media", "mark"]
    assert bridge.report(1.0) == []
    assert bridge.is_silent
