from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from msgspec import structs

from duologue.audio.formats import PCM
from duologue.engines.registry import Engines
from duologue.protocol import Detect
from duologue.protocol.live.server import LiveReply, LiveServerProtocol, TranscribeUtterance
from duologue.server.live.engine_work import EngineWork
from duologue.server.telemetry.observer import UNOBSERVED
from duologue.testing import scripted_engines
from tests.server._engines import LOUD, QUIET, Odd, failing
from tests.server.live._reported import Reported

UTTERANCE = TranscribeUtterance(utterance_id="utt_1", audio=LOUD * 100, encoding=PCM)
REPLY = LiveReply(
    reply_id="reply_1",
    messages=(),
    instructions="",
    model="m",
    backend_model=None,
    voice="marin",
    encoding=PCM,
)


def working(engines: Engines) -> tuple[EngineWork, Reported]:
    reported = Reported()
    protocol = cast("LiveServerProtocol", reported)
    return EngineWork(engines, protocol, UNOBSERVED, flush=reported.flush, progress=reported.flush), reported


def broken(**engines: Any) -> Engines:
    return replace(scripted_engines(), **engines)


async def test_pieces_of_audio_are_detected_as_one_with_what_came_before() -> None:
    work, reported = working(scripted_engines())
    await work.detect([Detect(LOUD * 15, PCM), Detect(LOUD * 15, PCM)])
    await work.detect([Detect(QUIET * 10, PCM)])
    (first, probabilities, frame_ms), (_, rest, _) = reported.calls
    assert first == "detected"
    assert (len(probabilities), len(rest)) == (30 // frame_ms, 40 // frame_ms - 30 // frame_ms)


async def test_a_detector_that_fails_is_reported() -> None:
    work, reported = working(broken(new_detector=lambda: Odd(lambda: RuntimeError("secret"))))
    await work.detect([Detect(LOUD * 30, PCM)])
    assert reported.calls == [("detection_failed", "a speech engine broke; the server's log says how")]


async def test_an_utterance_is_reported_with_all_its_words() -> None:
    work, reported = working(scripted_engines(transcripts=["what time is it"]))
    await work.transcribe(UTTERANCE)
    assert reported.calls == [("transcript", "utt_1", "what time is it"), ("flush",)]


async def test_a_transcriber_that_fails_is_reported() -> None:
    work, reported = working(broken(transcriber=failing("no ears")))
    await work.transcribe(UTTERANCE)
    [(name, utterance_id, words), _] = reported.calls
    assert (name, utterance_id) == ("transcription_failed", "utt_1")
    assert "no ears" in words


async def test_a_reply_is_reported_by_text_clause_and_speech_and_then_finished() -> None:
    work, reported = working(scripted_engines(responses=["Yes."]))
    await work.reply(REPLY)
    names = [name for name, *_ in reported.calls if name != "flush"]
    assert names[:3] == ["reply_text", "reply_clause", "reply_audio"]
    assert names[-1] == "reply_finished"


async def test_words_that_are_given_are_spoken_without_asking_the_responder() -> None:
    work, reported = working(broken(responder=failing()))
    await work.reply(structs.replace(REPLY, text="Word for word."))
    assert ("reply_text", "reply_1", "Word for word.") in reported.calls
    assert ("reply_finished", "reply_1") in reported.calls


async def test_a_responder_that_fails_is_reported() -> None:
    work, reported = working(broken(responder=failing("no idea")))
    await work.reply(REPLY)
    assert [name for name, *_ in reported.calls] == ["reply_failed", "flush"]
