"""The formats of sessions over a media line: of any kind, changed while it is used, and of the beta."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.events.base import decode_audio
from duologue.protocol.media.playout import TAIL_FRAMES
from tests.protocol.media._driven_line import DrivenLine, error, tone

STARTED, STOPPED = "output_audio_buffer.started", "output_audio_buffer.stopped"
APPEND = "(input_audio_buffer.append)"


@pytest.fixture
def line() -> DrivenLine:
    return DrivenLine()


FORMATS = [PCM, PCMU, PCMA, Encoding.of("audio/pcm", 16_000), Encoding.of("audio/pcm", 48_000)]


def _wire(encoding: Encoding) -> dict[str, Any]:
    return {"type": encoding.type} | ({"rate": encoding.rate_hz} if encoding.type == "audio/pcm" else {})


@pytest.mark.parametrize("encoding", FORMATS, ids=lambda encoding: f"{encoding.type}-{encoding.rate_hz}")
def test_sound_is_heard_and_played_in_the_session_s_formats(line: DrivenLine, encoding: Encoding) -> None:
    pytest.importorskip("soxr")
    line.session(audio={"input": {"format": _wire(encoding)}, "output": {"format": _wire(encoding)}})
    for _ in range(50):
        line.hears(tone(20))
    heard = b"".join(decode_audio(command["audio"]) for command in line.commands)
    assert 940 <= encoding.duration_ms(len(heard)) <= 1000
    line.response()
    line.says(500, encoding=encoding)
    line.done()
    line.play(12_000)
    assert line.take()[-26 - TAIL_FRAMES :] == [STARTED, *["frame"] * 24, STOPPED, *["silence"] * TAIL_FRAMES]
    assert set(map(len, line.frames)) == {960}


@pytest.mark.parametrize("encoding", FORMATS[1:], ids=lambda encoding: f"{encoding.type}-{encoding.rate_hz}")
def test_a_cut_is_told_in_milliseconds_of_the_sound_whatever_its_format(line: DrivenLine, encoding: Encoding) -> None:
    pytest.importorskip("soxr")
    line.response(output=_wire(encoding))
    line.says(1000, encoding=encoding)
    line.done()
    line.play(390)
    line.speech_started()
    assert line.commands[-1]["audio_end_ms"] == 400


def test_a_response_may_have_a_format_of_its_own(line: DrivenLine) -> None:
    pytest.importorskip("soxr")
    line.response("a", output=_wire(PCMA))
    line.says(100, "a", encoding=PCMA)
    line.done("a")
    line.response("b")
    line.says(100, "b")
    line.done("b")
    line.play(1000)
    assert line.take().count("frame") == 10


def test_sound_waits_while_the_format_may_change(line: DrivenLine) -> None:
    pytest.importorskip("soxr")
    line.hears(tone(20))
    line.asks("session.update", session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    line.hears(tone(20))
    line.hears(tone(20))
    assert line.take() == [APPEND, "(session.update)"]
    line.session(audio={"input": {"format": {"type": "audio/pcmu"}}})
    for _ in range(10):
        line.hears(tone(20))
    assert line.take()[:2] == ["session.updated", APPEND]
    assert len(line.commands[0]["audio"]) == 1280
    later = b"".join(decode_audio(command["audio"]) for command in line.commands[2:])
    assert 10 * 160 <= len(later) <= 12 * 160


def test_sound_goes_on_when_the_update_is_refused_or_never_answered(line: DrivenLine) -> None:
    line.asks("session.update", session={"type": "realtime"})
    line.hears(tone(20))
    line.send("error", error=error(None))
    assert line.take() == ["(session.update)", "error", APPEND]
    line.asks("session.update", session={"type": "realtime"})
    for _ in range(49):
        line.hears(tone(20))
    assert line.take() == ["(session.update)"]
    line.hears(tone(20))
    assert line.take() == [APPEND] * 50


def test_sound_waits_for_the_session() -> None:
    line = DrivenLine(created=False)
    assert line.line.session_text() is None
    line.hears(tone(20))
    assert line.take() == []
    line.session("session.created")
    assert line.take() == ["session.created", APPEND]


def test_sessions_of_the_beta_are_understood(line: DrivenLine) -> None:
    pytest.importorskip("soxr")
    line.send(
        "session.created",
        session={
            "id": "sess_1",
            "object": "realtime.session",
            "model": "m",
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "g711_alaw",
            "turn_detection": {"type": "server_vad", "interrupt_response": False},
        },
    )
    for _ in range(10):
        line.hears(tone(20))
    assert 8 * 160 <= sum(len(decode_audio(command["audio"])) for command in line.commands) <= 10 * 160
    line.send("response.created", response={"id": "r", "object": "realtime.response", "output_audio_format": "pcm16"})
    line.send("response.audio.delta", **DrivenLine.part("r", None), delta="AAAB" * 640)
    line.send("response.audio.done", **DrivenLine.part("r", None))
    line.play(100)
    assert line.take().count("frame") == 2
    assert line.line.session_text() is not None


def test_a_session_that_only_transcribes_has_no_speech_to_cut(line: DrivenLine) -> None:
    line.send("session.updated", session={"type": "transcription", "object": "o", "id": "sess_1", "audio": {}})
    line.hears(tone(20))
    assert line.take() == ["session.updated", APPEND]


def test_a_transcription_session_of_the_beta_is_understood(line: DrivenLine) -> None:
    pytest.importorskip("soxr")
    line.send(
        "transcription_session.updated",
        session={"id": "s", "object": "realtime.transcription_session", "input_audio_format": "g711_ulaw"},
    )
    for _ in range(10):
        line.hears(tone(20))
    assert 8 * 160 <= sum(len(decode_audio(command["audio"])) for command in line.commands) <= 10 * 160
