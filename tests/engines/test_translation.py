"""A translation session with the real engines: recorded speech in, its words and a voice out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

import duologue
from duologue.engines.base import Synthesizer, Transcriber, VoiceDetector
from duologue.engines.scripted import ScriptedTranslator
from duologue.notices import SourceText, TranslatedAudio, TranslatedText
from duologue.server.translation.served_translation import ServedTranslation
from duologue.testing import scripted_engines
from duologue.transports import memory_pair


@pytest.mark.timeout(120)
async def test_recorded_speech_is_transcribed_translated_and_spoken(
    recordings: dict[str, bytes],
    new_detector: Callable[[], VoiceDetector],
    transcriber: Transcriber,
    synthesizer: Synthesizer,
) -> None:
    translator = ScriptedTranslator(["This is the translation."])
    engines = replace(
        scripted_engines(),
        new_detector=new_detector,
        transcriber=transcriber,
        synthesizer=synthesizer,
        translator=translator,
    )
    near, far = memory_pair()
    serving = asyncio.ensure_future(ServedTranslation(far, engines).run())
    async with (
        asyncio.timeout(60),
        duologue.translate(transport=near, language="es", transcription="moonshine") as translation,
        translation.stream(SourceText, TranslatedText, TranslatedAudio) as notices,
    ):
        await translation.send_audio(recordings["librivox_0920"], rate_hz=16_000)
        ended = await translation.finish()
        heard = [notice async for notice in notices]
    await asyncio.wait_for(serving, 5)
    words = "".join(each.text for each in heard if isinstance(each, SourceText)).lower()
    speech_ms = sum(len(each.audio) for each in heard if isinstance(each, TranslatedAudio)) / 48
    assert ended.finalised
    assert "amiable woman" in words
    assert "respectable" in words
    told = "".join(each.text for each in heard if isinstance(each, TranslatedText))
    assert told.startswith("This is the translation.")
    assert speech_ms > 700 * len(translator.requests)
    assert {request.language for request in translator.requests} == {"es"}
