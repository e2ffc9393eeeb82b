"""Calls to servers that are not ours: older ones, incomplete ones, and ones that send no events."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from duologue.audio.formats import PCMU
from duologue.audio.wav import read_wav
from duologue.cli import main
from tests.cli.conftest import Handle, server_of, tone

Message = dict[str, Any] | str | bytes
Answer = Callable[[dict[str, Any]], Iterable[Message]]


def answering(answer: Answer, *greeting: Message) -> Handle:
    """A server that sends a greeting, and then answers each message by itself."""

    def handle(socket: ServerConnection) -> None:
        def send(messages: Iterable[Message]) -> None:
            for message in messages:
                socket.send(json.dumps(message) if isinstance(message, dict) else message)

        try:
            send(greeting)
            for received in socket:
                send(answer(json.loads(received)))
        except ConnectionClosed:
            pass

    return handle


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": name, "event_id": f"id_{name}", **fields}


def place() -> dict[str, Any]:
    return {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}


def spoken(text: str, audio: bytes, *, prefix: str = "response.output_audio") -> list[Message]:
    """A response in full."""
    return [
        event("response.created", response={"id": "r"}),
        event(f"{prefix}_transcript.delta", delta=text, **place()),
        event(f"{prefix}.delta", delta=base64.b64encode(audio).decode(), **place()),
        event(f"{prefix}_transcript.done", transcript=text, **place()),
        event("response.done", response={"id": "r", "status": "completed"}),
    ]


def nothing(_: dict[str, Any]) -> list[Message]:
    return []


CREATED = event("session.created", session={"type": "realtime", "id": "s", "object": "realtime.session"})


def talk(capsys: pytest.CaptureFixture[str], url: str, *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    code = main(["talk", *map(str, arguments), "--url", url, "--json", "--timeout", "0.4"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out.splitlines()[-1])["summary"], shown.err


def test_a_server_that_neither_greets_nor_confirms_is_talked_to(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        return spoken("Yes.", tone(100).pcm16) if message["type"] == "response.create" else []

    with server_of(answering(answer)) as url:
        code, summary, err = talk(capsys, url, "--say", "hi")
    assert (code, err, summary["transcripts"]["server"]) == (0, "", "Yes.")


def test_beta_names_and_beta_sessions_are_understood(
    capsys: pytest.CaptureFixture[str], speech: Path, tmp_path: Path
) -> None:
    session = {"id": "s", "input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw", "turn_detection": None}
    appended: list[bytes] = []

    def answer(message: dict[str, Any]) -> list[Message]:
        if message["type"] == "input_audio_buffer.append":
            appended.append(base64.b64decode(message["audio"]))
        if message["type"] == "response.create":
            return spoken("Yes.", PCMU.from_pcm16(tone(100, rate_hz=8000).pcm16), prefix="response.audio")
        return []

    with server_of(answering(answer, event("session.created", session=session))) as url:
        code, summary, _ = talk(capsys, url, speech, "--fast", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (0, "Yes.")
    assert {len(audio) for audio in appended} == {800}  # 100 ms of μ-law
    assert (read_wav(tmp_path / "reply.wav").rate_hz, read_wav(tmp_path / "reply.wav").duration_ms) == (8000, 100)
    # Without turn detection the talker ends the turn itself.
    assert summary["events"]["sent"]["input_audio_buffer.commit"] == 1


def test_an_answer_that_comes_only_with_response_done_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "All at once."}]}
        done = event("response.done", response={"id": "r", "output": [item]})
        return [done] if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code, summary, _ = talk(capsys, url, "--say", "hi")
    assert (code, summary["transcripts"]["server"]) == (0, "All at once.")


def test_unknown_events_are_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        news: list[Message] = [event("response.sparkle", x=1), b'{"type":"binary.news"}', "no JSON", "[]", '{"type":7}']
        return [*news, *spoken("Yes.", b"")] if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code, summary, _ = talk(capsys, url, "--say", "hi")
    assert (code, summary["events"]["received"]["response.sparkle"]) == (0, 1)


def test_a_confirmation_of_an_unknown_shape_counts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.cli.call.talker._START_S", 3600.0)

    def answer(message: dict[str, Any]) -> list[Message]:
        if message["type"] == "session.update":
            return [event("session.updated", session={"type": "realtime"})]
        return spoken("Yes.", b"") if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code = main(["talk", "--say", "hi", "--url", url, "--json", "--timeout", "3600"])
    assert (code, json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]["transcripts"]["server"]) == (
        0,
        "Yes.",
    )


# --- what cannot end well


@pytest.mark.parametrize("greeting", ["hello", "<html>", "[1, 2]", '{"type": 7}', "\x1b[2J", b"\xff\xfe"])
def test_a_server_that_sends_no_events_is_reported(capsys: pytest.CaptureFixture[str], greeting: str | bytes) -> None:
    with server_of(answering(nothing, greeting)) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert code == 1
    assert err.startswith("duologue: the server does not speak the Realtime protocol: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_events_of_a_wrong_shape_are_named_when_the_turn_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        return [event("response.done", response="fine")] if message["type"] == "response.create" else []

    with server_of(answering(answer, event("session.created", session=3))) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert code == 1
    assert "the server did not answer within 0.4 s; 2 of its messages could not be decoded" in err


def test_a_server_that_says_nothing_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    with server_of(answering(nothing)) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert (code, err) == (1, "duologue: the server did not answer within 0.4 s\n")


def test_a_server_that_finds_no_turn_is_given_up(capsys: pytest.CaptureFixture[str], speech: Path) -> None:
    with server_of(answering(nothing, CREATED)) as url:
        code, _, err = talk(capsys, url, speech, "--fast")
    assert (code, err) == (1, "duologue: the server detected no speech within 0.4 s\n")


def test_a_server_that_stops_in_the_middle_is_given_up_and_its_words_are_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        return spoken("Well,", tone(100).pcm16)[:3] if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code, summary, err = talk(capsys, url, "--say", "hi", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (1, "Well,")
    assert "began to answer and nothing more came within 0.4 s" in err
    assert read_wav(tmp_path / "reply.wav").duration_ms == 100


def test_a_close_is_reported_with_its_code_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    def handle(socket: ServerConnection) -> None:
        socket.send(json.dumps(CREATED))
        socket.recv()
        socket.close(1011, "out of memory")

    with server_of(handle) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert code == 1
    assert "the server ended the session: connection closed with code 1011 (out of memory)" in err


def test_a_rejected_command_ends_the_turn_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        fault = {"type": "invalid_request_error", "message": "Not today.", "event_id": message["event_id"]}
        return [event("error", error=fault)]

    with server_of(answering(answer, CREATED)) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert (code, err) == (1, "duologue: the server rejected conversation.item.create: Not today.\n")


def test_a_failed_response_fails_the_turn(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        details = {"type": "failed", "error": {"code": "rate_limit", "message": "Too many words."}}
        response = {"id": "r", "status": "failed", "status_details": details}
        return [event("response.done", response=response)] if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code, _, err = talk(capsys, url, "--say", "hi")
    assert (code, err) == (1, "duologue: the response did not complete: failed: Too many words.\n")


def test_speech_that_is_no_base64_ends_the_file_and_not_the_turn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def answer(message: dict[str, Any]) -> list[Message]:
        bad = event("response.output_audio.delta", delta="%%%", **place())
        return [bad, *spoken("Yes.", b"")] if message["type"] == "response.create" else []

    with server_of(answering(answer, CREATED)) as url:
        code, summary, err = talk(capsys, url, "--say", "hi", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (1, "Yes.")
    assert "reply.wav is incomplete: audio field is not base64" in err
