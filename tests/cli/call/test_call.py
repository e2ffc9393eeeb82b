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


def on_create(*messages: Message) -> Answer:
    """Send these when a response is asked for, and nothing else."""
    return lambda message: messages if message["type"] == "response.create" else []


def rejecting(message: dict[str, Any]) -> list[Message]:
    return [event("error", error={"type": "t", "message": "Not today.", "event_id": message["event_id"]})]


def closing(socket: ServerConnection) -> None:
    socket.send(json.dumps(CREATED))
    socket.recv()
    socket.close(1011, "out of memory")


NOTHING = on_create()
CREATED = event("session.created", session={"type": "realtime", "id": "s", "object": "realtime.session"})

Talk = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def talk(capsys: pytest.CaptureFixture[str]) -> Talk:
    """Talk to a server; returns the exit code, the summary and standard error."""

    def run(handle: Handle, *arguments: str | Path, timeout: str = "0.4") -> tuple[int, dict[str, Any], str]:
        with server_of(handle) as url:
            code = main(["talk", "--url", url, "--json", "--timeout", timeout, *map(str, arguments or ("--say", "hi"))])
        shown = capsys.readouterr()
        return code, json.loads(shown.out.splitlines()[-1])["summary"], shown.err

    return run


def test_a_server_that_neither_greets_nor_confirms_is_talked_to(talk: Talk) -> None:
    code, summary, err = talk(answering(on_create(*spoken("Yes.", tone(100).pcm16))))
    assert (code, err, summary["transcripts"]["server"]) == (0, "", "Yes.")


def test_beta_names_and_beta_sessions_are_understood(talk: Talk, speech: Path, tmp_path: Path) -> None:
    session = {"id": "s", "input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw", "turn_detection": None}
    appended: list[bytes] = []

    def answer(message: dict[str, Any]) -> Iterable[Message]:
        if message["type"] == "input_audio_buffer.append":
            appended.append(base64.b64decode(message["audio"]))
        audio = PCMU.from_pcm16(tone(100, rate_hz=8000).pcm16)
        return on_create(*spoken("Yes.", audio, prefix="response.audio"))(message)

    handle = answering(answer, event("session.created", session=session))
    code, summary, _ = talk(handle, speech, "--fast", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (0, "Yes.")
    assert {len(audio) for audio in appended} == {800}  # 100 ms of μ-law
    assert (read_wav(tmp_path / "reply.wav").rate_hz, read_wav(tmp_path / "reply.wav").duration_ms) == (8000, 100)
    # Without turn detection the talker ends the turn itself.
    assert summary["events"]["sent"]["input_audio_buffer.commit"] == 1


def test_an_answer_that_comes_only_with_response_done_is_shown(talk: Talk) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "All at once."}]}
    code, summary, _ = talk(
        answering(on_create(event("response.done", response={"id": "r", "output": [item]})), CREATED)
    )
    assert (code, summary["transcripts"]["server"]) == (0, "All at once.")


def test_unknown_events_are_ignored(talk: Talk) -> None:
    news: list[Message] = [event("response.sparkle", x=1), b'{"type":"binary.news"}', "no JSON", "[]", '{"type":7}']
    code, summary, _ = talk(answering(on_create(*news, *spoken("Yes.", b"")), CREATED))
    assert (code, summary["events"]["received"]["response.sparkle"]) == (0, 1)


def test_a_confirmation_of_an_unknown_shape_counts(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.cli.call.talker._START_S", 3600.0)

    def answer(message: dict[str, Any]) -> Iterable[Message]:
        if message["type"] == "session.update":
            return [event("session.updated", session={"type": "realtime"})]
        return on_create(*spoken("Yes.", b""))(message)

    code, summary, _ = talk(answering(answer, CREATED), timeout="3600")
    assert (code, summary["transcripts"]["server"]) == (0, "Yes.")


# --- what cannot end well


@pytest.mark.parametrize("greeting", ["hello", "<html>", "[1, 2]", '{"type": 7}', "\x1b[2J", b"\xff\xfe"])
def test_a_server_that_sends_no_events_is_reported(talk: Talk, greeting: str | bytes) -> None:
    code, _, err = talk(answering(NOTHING, greeting))
    assert code == 1
    assert err.startswith("duologue: the server does not speak the Realtime protocol: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err


FAILED = {"type": "failed", "error": {"code": "rate_limit", "message": "Too many words."}}
UNFIT = on_create(event("response.done", response="fine"))


@pytest.mark.parametrize(
    ("handle", "sentence"),
    [
        (answering(NOTHING), "the server did not answer within 0.4 s\n"),
        (
            answering(UNFIT, event("session.created", session=3)),
            "the server did not answer within 0.4 s; 2 of its messages could not be decoded",
        ),
        (closing, "the server ended the session: connection closed with code 1011 (out of memory)"),
        (answering(rejecting, CREATED), "the server rejected conversation.item.create: Not today.\n"),
        (
            answering(
                on_create(event("response.done", response={"id": "r", "status": "failed", "status_details": FAILED})),
                CREATED,
            ),
            "the response did not complete: failed: Too many words.\n",
        ),
    ],
    ids=["silent", "wrong shapes", "closes", "rejects", "fails"],
)
def test_a_turn_that_fails_says_why(talk: Talk, handle: Handle, sentence: str) -> None:
    code, _, err = talk(handle)
    assert code == 1
    assert err.startswith(f"duologue: {sentence}")


def test_a_server_that_finds_no_turn_is_given_up(talk: Talk, speech: Path) -> None:
    code, _, err = talk(answering(NOTHING, CREATED), speech, "--fast")
    assert (code, err) == (1, "duologue: the server detected no speech within 0.4 s\n")


def test_a_server_that_stops_in_the_middle_is_given_up_and_its_words_are_kept(talk: Talk, tmp_path: Path) -> None:
    handle = answering(on_create(*spoken("Well,", tone(100).pcm16)[:3]), CREATED)
    code, summary, err = talk(handle, "--say", "hi", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (1, "Well,")
    assert "began to answer and nothing more came within 0.4 s" in err
    assert read_wav(tmp_path / "reply.wav").duration_ms == 100


def test_speech_that_is_no_base64_ends_the_file_and_not_the_turn(talk: Talk, tmp_path: Path) -> None:
    bad = event("response.output_audio.delta", delta="%%%", **place())
    handle = answering(on_create(bad, *spoken("Yes.", b"")), CREATED)
    code, summary, err = talk(handle, "--say", "hi", "--out", tmp_path / "reply.wav")
    assert (code, summary["transcripts"]["server"]) == (1, "Yes.")
    assert "reply.wav is incomplete: audio field is not base64" in err
