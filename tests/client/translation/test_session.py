"""A translation from the application's side: against our server, and against scripts."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import duologue
from duologue.audio.wav import Sound
from duologue.client.translation.session import SpeechTranslation
from duologue.errors import ConnectionClosed, ConnectionClosedError, LocalProtocolError, RequestRejected
from duologue.events import TranslationAudio, TranslationAudioInput, TranslationAudioOutput
from duologue.notices import (
    SourceText,
    TranslatedAudio,
    TranslatedText,
    TranslationEnded,
    TranslationErrorReported,
    TranslationLine,
)
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send, Until
from tests.client.translation._servers import CLOSED, delta, error, ours, script
from tests.server._engines import LOUD, QUIET

pytestmark = pytest.mark.timeout(30)

UTTERANCE = LOUD * 600 + QUIET * 600


@asynccontextmanager
async def scripted(server: ScriptedServer) -> AsyncGenerator[SpeechTranslation, None]:
    """A translation into Spanish with this server; no task is left behind."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(10), server.listening() as url:
        async with duologue.translate(url, language="es") as translation:
            yield translation
        assert server.faults == []
    assert asyncio.all_tasks() == before


async def test_speech_goes_in_and_comes_back_translated() -> None:
    async with (
        asyncio.timeout(10),
        ours() as url,
        duologue.translate(url, language="es", transcription="whisper-1") as translation,
        translation.stream(SourceText, TranslatedText, TranslatedAudio) as notices,
    ):
        await translation.send_audio(UTTERANCE)
        ended = await translation.finish()
        said = [notice async for notice in notices]
    assert ended == TranslationEnded(finalised=True, reason="closed as asked")
    assert translation.outcome == ended
    assert "".join(each.text for each in said if isinstance(each, SourceText)) == "good morning"
    assert "".join(each.text for each in said if isinstance(each, TranslatedText)) == "buenos días"
    assert sum(len(each.audio) for each in said if isinstance(each, TranslatedAudio)) == 48 * 60 * len("buenos días")


async def test_leaving_the_block_takes_the_rest_of_the_translation() -> None:
    lines: list[TranslationLine] = []
    async with asyncio.timeout(10), ours() as url, duologue.translate(url) as translation:
        translation.on(TranslationLine, lines.append)
        await translation.send_audio(UTTERANCE)
    assert [line.text for line in lines] == ["buenos días"]


async def test_the_iteration_ends_with_the_session() -> None:
    async with asyncio.timeout(10), ours() as url, duologue.translate(url) as translation:

        async def collect() -> list[object]:
            return [notice async for notice in translation]

        collecting = asyncio.ensure_future(collect())
        await asyncio.sleep(0)
        await translation.send_audio(UTTERANCE)
        await translation.finish()
        heard = await collecting
    assert isinstance(heard[-1], TranslationEnded)
    assert any(isinstance(notice, TranslatedAudio) for notice in heard)


@pytest.mark.parametrize(
    ("audio", "settings"),
    [
        (array("h", [8192] * 16_000), {"rate_hz": 16_000}),
        (Sound(LOUD * 1000, rate_hz=8_000), {}),
        (array("h", [8192, 8192] * 24_000), {"channels": 2}),
    ],
    ids=["another rate", "a clip", "two channels"],
)
async def test_audio_of_any_kind_is_sent_as_24_khz_mono(audio: Any, settings: dict[str, Any]) -> None:
    pytest.importorskip("soxr")
    server = script(Expect("session.close"), Send(CLOSED), Close())
    async with scripted(server) as translation:
        await translation.send_audio(audio, **settings)
    sent = [len(frame["audio"]) * 3 // 4 for frame in server.received[0] if "append" in frame["type"]]
    seconds = 3 if isinstance(audio, Sound) else 1
    assert sum(sent) == pytest.approx(48_000 * seconds, rel=0.01)


async def test_words_are_no_audio() -> None:
    async with ours() as url, duologue.translate(url) as translation:
        with pytest.raises(TypeError, match="send_audio takes audio"):
            await translation.send_audio("hello")  # type: ignore[arg-type]


# --- settings


async def test_the_language_can_be_changed_while_it_runs() -> None:
    async with ours() as url, duologue.translate(url, language="es", noise_reduction="near_field") as translation:
        session = await translation.update_session(language="fr", noise_reduction=None)
        assert session == translation.session
        assert session.audio == TranslationAudio(
            input=TranslationAudioInput(transcription=None, noise_reduction=None),
            output=TranslationAudioOutput(language="fr"),
        )
        with pytest.raises(RequestRejected, match=r"session\.audio\.output\.language"):
            await translation.update_session({"audio": {"output": {"language": "not a tag"}}})
        assert translation.session == session


async def test_an_update_without_an_answer_is_waited_for_as_long_as_the_caller_says() -> None:
    async with scripted(script(Expect("session.update"), Expect("session.close"), Send(CLOSED))) as translation:
        with pytest.raises(TimeoutError):
            await translation.update_session(language="fr", timeout=0.05)


# --- the end


async def test_a_lost_connection_says_so_to_all_who_wait() -> None:
    server = script(Send(delta("ho")), Drop())
    async with scripted(server) as translation:
        with pytest.raises(ConnectionClosedError, match="the translation is lost, and cannot be resumed"):
            async for _ in translation:
                pass
        with pytest.raises(ConnectionClosed):
            await translation.send_audio(bytes(2))
        with pytest.raises(ConnectionClosed):
            await translation.update_session(language="fr")
        ended = await translation.finish()
    assert not ended.finalised


async def test_a_server_that_closes_without_the_last_word_did_not_finalise() -> None:
    async with scripted(script(Expect("session.close"), Send(delta("ho")), Close(1011, "broken"))) as translation:
        ended = await translation.finish()
    assert (ended.finalised, ended.error) == (False, None)
    assert "1011" in ended.reason


async def test_an_error_is_reported_and_does_not_end_the_session(caplog: pytest.LogCaptureFixture) -> None:
    server = script(Expect("session.close"), Send(error("engine_failed"), CLOSED))
    errors: list[TranslationErrorReported] = []
    async with scripted(server) as translation:
        translation.on(TranslationErrorReported, errors.append)
        assert (await translation.finish()).finalised
    assert [each.event.error.code for each in errors] == ["engine_failed"]
    assert "the server reports an error" in caplog.text


async def test_the_last_error_before_a_close_is_in_the_exception() -> None:
    async with scripted(script(Send(error("session_expired", "It lasted too long.")), Close(1001))) as translation:
        with pytest.raises(ConnectionClosedError, match="It lasted too long") as caught:
            async for _ in translation:
                pass
    assert caught.value.error is not None
    assert caught.value.error.error.code == "session_expired"


async def test_nothing_is_sent_after_the_end() -> None:
    async with ours() as url, duologue.translate(url) as translation:
        await translation.finish()
        assert (await translation.finish()).finalised
        with pytest.raises(ConnectionClosed):
            await translation.send_audio(bytes(2))


async def test_audio_during_the_close_is_a_local_error() -> None:
    answer = asyncio.Event()
    async with scripted(script(Expect("session.close"), Until(answer), Send(CLOSED))) as translation:
        with pytest.raises(TimeoutError):
            await translation.finish(timeout=0.05)
        with pytest.raises(LocalProtocolError, match="being closed"):
            await translation.send_audio(bytes(2))
        answer.set()
        assert (await translation.finish()).finalised


async def test_an_exception_leaves_at_once() -> None:
    before = asyncio.all_tasks()
    server = script()
    async with asyncio.timeout(10), server.listening() as url:
        with pytest.raises(RuntimeError, match="mine"):
            async with duologue.translate(url, language="es"):
                raise RuntimeError("mine")
        assert "session.close" not in [frame["type"] for frame in server.received[0]]
    assert asyncio.all_tasks() == before


# --- sound


async def test_a_source_is_translated_to_its_end_and_played_on_a_sink() -> None:
    played: list[bytes] = []

    def source() -> Any:
        yield UTTERANCE

    async with (
        asyncio.timeout(10),
        ours() as url,
        duologue.translate(url) as translation,
        translation.play(played.append),
    ):
        await translation.listen(source())
        await translation.finish()
    assert sum(map(len, played)) == 48 * 60 * len("buenos días")


async def test_a_broken_sink_ends_its_block() -> None:
    def broken(pcm: bytes) -> None:
        raise OSError("unplugged")

    async def play(translation: SpeechTranslation) -> None:
        async with translation.play(broken):
            await translation.send_audio(UTTERANCE)
            await translation.finish()
            await asyncio.Event().wait()

    async with asyncio.timeout(10), ours() as url, duologue.translate(url) as translation:
        with pytest.raises(OSError, match="unplugged"):
            await play(translation)


def test_the_repr_says_where_it_is() -> None:
    assert repr(SpeechTranslation(lambda: None)) == "<SpeechTranslation, opening, session 'none yet'>"  # type: ignore[arg-type,return-value]


async def test_a_session_that_breaks_on_this_side_does_not_end_as_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(script()) as translation:
        monkeypatch.setattr(translation._connection, "_encode", lambda event: 1 // 0)
        await translation.send_audio(bytes(480))
        with pytest.raises(ConnectionClosedError, match="the session broke"):
            async for _ in translation:
                pass
