"""A session that has ended leaves nothing for the garbage collector: collections are seldom, and its audio is large."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from duologue import connect
from duologue.engines.base import ResponderRequest
from duologue.errors import EngineError
from duologue.server import RealtimeApp, ServerSession
from duologue.testing import scripted_app_engines, scripted_engines
from tests.server._engines import BrokenSynthesizer, BrokenTranscriber, EndlessResponder
from tests.server._listening import listening
from tests.server._talking import event, speak, until, update

pytestmark = pytest.mark.timeout(30)


@contextmanager
def no_session_left() -> Generator[None, None, None]:
    """At the end of the block no session is there that was not before it, without a collection."""

    def there() -> list[ServerSession]:
        return [each for each in gc.get_objects() if isinstance(each, ServerSession)]

    gc.collect()
    before = there()  # of other tests, which keep an exception as a parameter, and so its frames
    gc.disable()
    try:
        yield
        assert [session for session in there() if session not in before] == []
    finally:
        gc.enable()


class Unending:
    """Reads an utterance for ever, again and again if it is asked to."""

    name = "unending"
    sample_rate_hz = 24_000
    repeatable = True

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        yield " Well"
        await asyncio.Event().wait()


@pytest.mark.parametrize("ended", ["by the client", "by the server"])
async def test_a_session_that_ends_while_it_listens_is_freed_at_once(ended: str) -> None:
    engines = replace(scripted_engines(), transcriber=Unending())
    application = RealtimeApp(engines=scripted_app_engines(engines))
    with no_session_left():
        async with listening(application) as url, connect(url) as connection:
            await connection.send(update(audio={"input": {"transcription": {"model": "whisper-1"}}}))
            await speak(connection)  # a turn that waits for its transcript
            await until(connection, "input_audio_buffer.committed")
            await speak(connection, silence_ms=300)  # and one that is read ahead
            await until(connection, "input_audio_buffer.speech_started")
            if ended == "by the server":
                await application.drain(within_s=0)


@pytest.mark.parametrize("modality", ["audio", "text"])
@pytest.mark.parametrize("answer", ["whole", "cancelled", "going on", "failed", "voiceless", "unheard"])
async def test_a_session_that_has_answered_is_freed_at_once_however_the_answer_ended(
    answer: str, modality: str
) -> None:
    class Faulty:
        name = "faulty"

        async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
            yield "I have never been so well in my life."
            raise EngineError("no words", engine="faulty")

    engines = scripted_engines()
    match answer:
        case "cancelled" | "going on":
            engines = replace(engines, responder=EndlessResponder())
        case "failed":
            engines = replace(engines, responder=Faulty())
        case "voiceless":
            engines = replace(engines, synthesizer=BrokenSynthesizer())
        case "unheard":
            engines = replace(engines, transcriber=BrokenTranscriber())
        case _:
            pass
    with no_session_left():
        async with listening(RealtimeApp(engines=scripted_app_engines(engines))) as url, connect(url) as connection:
            await connection.send(update(output_modalities=[modality]))
            await speak(connection)
            if answer in ("cancelled", "going on"):
                await until(connection, "response.content_part.added")
            if answer == "cancelled":
                await connection.send(event("response.cancel"))
            if answer != "going on":
                await until(connection, "response.done")
