"""A Live session that runs: its commands, and what is due as its time goes on."""

from __future__ import annotations

import base64
import sys
from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.pacing import silence
from duologue.events.live import LiveInputAudioAppendEvent
from duologue.protocol.live.server import LiveReply, TranscribeUtterance
from duologue.protocol.server.commands import Detect
from tests.protocol.live.server._session import MS_BYTES, Session, encoded, quiet, sound

RESPONSES = {"type": "responses", "responses": {"model": "text-1"}}


def codes(session: Session) -> list[str]:
    return [frame["error"]["code"] for frame in session.events("error")]


# --- updates


def test_an_update_is_answered_by_the_whole_session_and_holds_for_the_next_reply() -> None:
    session = Session(config={"model": "gpt-live-1", "delegation": RESPONSES})
    update = {"delegation": {"type": "responses", "responses": {"instructions": "Use tools."}}}
    session.client("session.update", session=update, event_id="c1")
    (updated,) = session.events("session.updated")
    assert updated["client_event_id"] == "c1"
    assert updated["session"]["delegation"]["responses"] == {"model": "text-1", "instructions": "Use tools."}
    session.says("Hello?")
    assert session.of(LiveReply)[0].instructions == "Use tools."


# --- mute


def test_a_muted_user_is_not_heard_and_the_time_goes_on() -> None:
    session = Session()
    (muted,) = session.client("session.input_audio.mute", event_id="c1")
    assert (muted["type"], muted["client_event_id"]) == ("session.input_audio.muted", "c1")
    session.speaks(sound(1_000) + quiet(1_000))
    assert not any(any(command.audio) for command in session.of(Detect))
    assert session.of(TranscribeUtterance) == []
    assert session.protocol.position_ms == 2_000
    (unmuted,) = session.client("session.input_audio.unmute")
    assert unmuted["type"] == "session.input_audio.unmuted"
    session.says("Hello?")
    assert len(session.of(LiveReply)) == 1


# --- appends


@pytest.mark.parametrize("kind", ["instructions", "thinking", "commentary"])
def test_an_append_is_confirmed_when_its_place_is_reached(kind: str) -> None:
    session = Session()
    session.speaks(quiet(300))
    session.client(f"session.{kind}.append", delegation_id=None, content="A short fact.", event_id="c1")
    session.speaks(quiet(500))
    assert session.events(f"session.{kind}.appended") == []
    session.speaks(quiet(600))
    (appended,) = session.events(f"session.{kind}.appended")
    assert (appended["client_event_id"], appended["start_ms"]) == ("c1", 300)
    assert 600 <= appended["end_ms"] - 300 <= 960


def test_an_append_that_is_too_long_or_empty_is_refused() -> None:
    session = Session()
    for content in ("x" * 2_001, " "):
        session.client("session.thinking.append", delegation_id=None, content=content)
    session.client("session.thinking.append", delegation_id=None, content="x" * 2_000)
    assert codes(session) == ["invalid_value", "invalid_value"]
    assert session.events("error")[0]["error"]["param"] == "content"


def test_an_append_to_an_unknown_delegation_is_refused() -> None:
    session = Session()
    session.client("session.commentary.append", delegation_id="item_77", content="Fact.")
    (error,) = session.events("error")
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", "delegation_id")


def test_with_responses_delegation_an_append_names_no_delegation() -> None:
    session = Session(config={"model": "gpt-live-1", "delegation": RESPONSES})
    session.client("session.commentary.append", delegation_id="item_77", content="Fact.")
    session.client("session.commentary.append", delegation_id=None, content="Fact.")
    assert codes(session) == ["invalid_value"]


def test_appended_instructions_have_a_limit_together() -> None:
    session = Session(max_instructions_tokens=1_000)
    for _ in range(3):
        session.client("session.instructions.append", delegation_id=None, content="x" * 2_000)
    assert codes(session) == ["invalid_value"]


def test_too_many_appends_at_once_are_refused() -> None:
    session = Session(max_appends=2)
    for _ in range(3):
        session.client("session.commentary.append", delegation_id=None, content="Fact.")
    assert codes(session) == ["rate_limit_exceeded"]
    session.speaks(quiet(5_000))
    session.client("session.commentary.append", delegation_id=None, content="Fact.")
    session.client("session.commentary.append", delegation_id=None, content="Fact.")
    assert codes(session) == ["rate_limit_exceeded"] * 2  # one of the first two waits to be spoken


# --- fixtures


def test_a_clip_is_played_in_place_of_the_voice_and_the_user_is_not_heard() -> None:
    session = Session()
    session.says("Tell me a story.")
    session.reply("Once upon a time there was a king.", ms=5_000)
    session.speaks(quiet(500))
    at = len(session.output)
    clip = b"\x33\x33" * (450 * MS_BYTES // 2)
    (playing,) = session.client("session.output_audio.fixture.play", audio=encoded(clip), event_id="c1")
    assert (playing["type"], playing["client_event_id"]) == ("session.output_audio.fixture.playing", "c1")
    session.speaks(sound(450) + quiet(600))
    assert session.output[at : at + len(clip)] == clip
    assert not any(session.output[at + len(clip) :])
    (played,) = session.events("session.output_audio.fixture.played")
    assert played["client_event_id"] == "c1"
    assert len(session.of(TranscribeUtterance)) == 1


def test_one_clip_is_played_at_a_time_and_appends_wait_for_its_end() -> None:
    session = Session()
    session.client("session.output_audio.fixture.play", audio=encoded(sound(300)))
    session.client("session.output_audio.fixture.play", audio=encoded(sound(300)), event_id="c2")
    session.client("session.thinking.append", delegation_id=None, content="Fact.", event_id="c3")
    assert [event["client_event_id"] for event in session.events("error")] == ["c2", "c3"]
    session.speaks(quiet(400))
    session.client("session.output_audio.fixture.play", audio=encoded(sound(300)))
    assert len(session.events("session.output_audio.fixture.playing")) == 2


@pytest.mark.parametrize("audio", ["!", "AAAA", "", encoded(quiet(30_001))])
def test_a_clip_that_cannot_be_played_is_refused_and_nothing_is_interrupted(audio: str) -> None:
    session = Session()
    session.says("Hello?")
    session.reply("Hello.", ms=1_000)
    session.client("session.output_audio.fixture.play", audio=audio)
    assert codes(session) == ["invalid_audio"]
    session.speaks(quiet(1_500))
    assert sum(any(session.output[at : at + 4_800]) for at in range(0, len(session.output), 4_800)) == 10


def test_without_the_audio_extra_a_clip_is_refused_where_it_has_to_be_converted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    session = Session(config={"model": "gpt-live-1", "audio": {"format": {"type": "audio/pcmu"}}})
    session.client("session.output_audio.fixture.play", audio=encoded(sound(300)))
    assert codes(session) == ["invalid_value"]


def test_a_clip_that_the_session_ends_before_is_never_played() -> None:
    session = Session()
    session.client("session.output_audio.fixture.play", audio=encoded(sound(20_000)))
    session.client("session.close")
    session.passes(11)
    assert session.events("session.closed")
    assert session.events("session.output_audio.fixture.played") == []


# --- other formats


@pytest.mark.parametrize(
    ("wire", "encoding"),
    [
        ({"type": "audio/pcm", "rate": 16_000}, Encoding.of("audio/pcm", 16_000)),
        ({"type": "audio/pcmu"}, PCMU),
        ({"type": "audio/pcma", "rate": 8_000}, PCMA),
    ],
)
def test_a_session_has_one_format_for_both_directions(wire: dict[str, Any], encoding: Encoding) -> None:
    session = Session(config={"model": "gpt-live-1", "audio": {"format": wire}})
    session.protocol.attach("side", now=session.now)
    zeros = silence(encoding, encoding.bytes_for_ms(100))
    for _ in range(5):
        session.passes(0.1)
        session.client("session.input_audio.append", audio=encoded(zeros))
    assert session.output == zeros * 5
    assert session.of(Detect)[0].encoding == encoding
    session.client("session.output_audio.fixture.play", audio=encoded(quiet(200)))
    for _ in range(3):
        session.passes(0.1)
        session.client("session.input_audio.append", audio=encoded(zeros))
    assert session.events("session.output_audio.fixture.played")
    deltas = session.events("session.output_audio.delta", to="side")
    assert [len(base64.b64decode(delta["delta"])) for delta in deltas] == [PCM.bytes_for_ms(100)] * 8
    mirrored = sum(len(base64.b64decode(e["audio"])) for e in session.events("session.input_audio.append", to="side"))
    assert PCM.bytes_for_ms(770) <= mirrored <= PCM.bytes_for_ms(800)


# --- sidebands


def test_a_sideband_gets_the_start_again_and_then_everything_with_times() -> None:
    session = Session()
    session.speaks(quiet(300))
    assert session.protocol.attach("side", now=session.now)
    session.collect()
    session.says("Hello?")
    replays = [outgoing.event.type for outgoing in session.sent if outgoing.to == "side"]
    assert replays == ["session.started"]
    assert session.events("session.input_transcript.delta", to="side")
    own = [delta for delta in session.events("session.output_audio.delta", to="side") if "start_ms" in delta]
    assert [delta["start_ms"] for delta in own] == [*range(300, 300 + 100 * len(own), 100)]
    assert all(delta["end_ms"] - delta["start_ms"] == 100 for delta in own)


def test_a_sideband_hears_what_is_muted() -> None:
    session = Session()
    session.protocol.attach("side", now=session.now)
    session.client("session.input_audio.mute", source="side", event_id="c1")
    assert session.events("session.input_audio.muted")[0]["client_event_id"] == "c1"
    session.speaks(sound(100))
    mirrored = session.events("session.input_audio.append", to="side")
    assert b"".join(base64.b64decode(event["audio"]) for event in mirrored) == sound(100)
    assert not any("event_id" in event for event in mirrored)


def test_a_sideband_may_neither_start_nor_send_audio() -> None:
    session = Session()
    session.protocol.attach("side", now=session.now)
    session.client("session.start", source="side", session={"model": "x"})
    session.client("session.input_audio.append", source="side", audio="")
    assert codes(session) == []
    assert [event["error"]["code"] for event in session.events("error", to="side")] == ["invalid_value"] * 2


def test_a_sideband_that_goes_leaves_the_session_running() -> None:
    session = Session()
    session.protocol.attach("side", now=session.now)
    session.protocol.detach("side", now=session.now)
    session.speaks(quiet(200))
    assert session.events("session.input_audio.append", to="side") == []
    assert session.protocol.is_running


def test_a_session_has_a_limit_of_sidebands() -> None:
    session = Session(max_sidebands=1)
    assert session.protocol.attach("a", now=session.now)
    assert not session.protocol.attach("b", now=session.now)
    session.protocol.detach("a", now=session.now)
    assert session.protocol.attach("b", now=session.now)


def test_a_sideband_can_end_the_session() -> None:
    session = Session()
    session.protocol.attach("side", now=session.now)
    session.client("session.close", source="side", event_id="c1")
    assert session.events("session.closed")[0]["client_event_id"] == "c1"


# --- memory


def test_what_the_owner_has_no_memory_for_is_refused() -> None:
    full: list[str] = []

    def charge(kind: str, n_bytes: int, forced: bool) -> str | None:
        return "owner_full" if full and not forced and n_bytes > 0 else None

    session = Session(charge=charge)
    full.append("now")
    session.client("session.input_audio.append", audio=encoded(quiet(20)))
    session.client("session.output_audio.fixture.play", audio=encoded(sound(20)))
    assert codes(session) == ["rate_limit_exceeded", "rate_limit_exceeded"]
    assert session.protocol.input_ms == 0


def test_a_configuration_that_is_too_large_refuses_the_start() -> None:
    session = Session(start=False, max_session_bytes=1_000)
    session.start({"model": "gpt-live-1", "instructions": "x" * 1_000})
    assert codes(session) == ["invalid_value"]
    assert not session.protocol.is_running


# --- clients without measure


def test_a_burst_of_input_passes_in_steps_that_are_due_at_once() -> None:
    session = Session()
    session.now += 20
    append = LiveInputAudioAppendEvent.from_audio(quiet(20_000))
    session.protocol.receive(append, now=session.now)
    assert 0 < session.protocol.position_ms <= 4_000
    assert session.protocol.next_tick_at <= session.now
    session.collect()
    session.passes(0)
    assert session.protocol.position_ms == 20_000
    assert len(session.output) == 20_000 * MS_BYTES
    assert session.protocol.next_tick_at > session.now


def test_a_configuration_that_takes_too_much_memory_is_refused_at_the_start_and_later() -> None:
    tools = [{"type": "function", "name": f"f{number}", "description": "\U0001f600" * 2_000} for number in range(20)]
    large = {"type": "responses", "responses": {"model": "text-1", "tools": tools}}
    refused = Session(start=False, max_configuration_bytes=200_000)
    refused.start({"model": "gpt-live-1", "delegation": large})
    assert codes(refused) == ["string_above_max_length"]
    session = Session(config={"model": "gpt-live-1", "delegation": RESPONSES}, max_configuration_bytes=200_000)
    session.client("session.update", session={"delegation": large})
    assert codes(session) == ["string_above_max_length"]
    assert session.events("session.updated") == []
    assert session.protocol.held["configuration"] < 10_000
