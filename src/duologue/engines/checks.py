"""Checks that an engine of your own keeps its contract.

Each takes an engine, or what makes one, and audio or text to try it on, and raises `AssertionError` with a sentence
that says what is wrong. Run them in your tests; the engines that come with duologue pass them in ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from duologue.engines.base import (
    Denoiser,
    EndOfTurnDetector,
    Function,
    FunctionCall,
    Message,
    Responder,
    ResponderRequest,
    Synthesizer,
    Transcriber,
    Translator,
    TranslatorRequest,
    VoiceDetector,
)

__all__ = [
    "check_denoiser",
    "check_detector",
    "check_end_of_turn",
    "check_responder",
    "check_synthesizer",
    "check_transcriber",
    "check_translator",
    "responder_request",
]

T = TypeVar("T")

_WEATHER = Function(
    name="get_weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)

_CUTS_BYTES = (2, 30, 320, 640, 6_400)
"""Pieces a client may send: one sample, an odd few, 10 ms, 20 ms, 200 ms of 16 kHz audio."""

_PROMPT_SPEECH_FRAMES = 0.2  # of a recorded sentence, at the very least, is speech


async def check_detector(make: Callable[[], VoiceDetector], *, speech: bytes) -> None:
    """`speech` is PCM16 of at least a second of speech, at the detector's rate."""
    detector = make()
    rate_hz, frame_ms = detector.sample_rate_hz, detector.frame_ms
    _expect(rate_hz > 0 and frame_ms > 0, f"rate and frame are positive, not {rate_hz} Hz and {frame_ms} ms")
    expected = list(await detector.detect(speech))
    n_frames = len(speech) // 2 // (rate_hz * frame_ms // 1000)
    _expect(len(expected) == n_frames, f"{len(expected)} frames came for audio of {n_frames} frames")
    _expect(all(0.0 <= p <= 1.0 for p in expected), "a probability lies between 0 and 1")
    spoken = sum(p >= 0.5 for p in expected)
    _expect(
        spoken >= _PROMPT_SPEECH_FRAMES * n_frames, f"only {spoken} of {n_frames} frames of speech are called speech"
    )
    silence = await make().detect(bytes(2 * rate_hz))
    _expect(not any(p >= 0.5 for p in silence), "digital silence is called speech")
    _expect(len(await make().detect(b"")) == 0, "no audio gave a frame")
    for cut_bytes in _CUTS_BYTES:
        detector, found = make(), list[float]()
        for start in range(0, len(speech), cut_bytes):
            found += await detector.detect(speech[start : start + cut_bytes])
            if len(found) >= 50:  # enough to see a difference; one sample at a time takes long
                break
        _expect(
            found == expected[: len(found)] and bool(found),
            f"cutting the audio into pieces of {cut_bytes} bytes changed what was detected",
        )


async def check_denoiser(make: Callable[[str], Denoiser], *, speech: bytes) -> None:
    """`speech` is PCM16 of at least a second of speech, at the denoiser's rate."""
    for kind in ("near_field", "far_field"):
        denoiser = make(kind)
        _expect(denoiser.sample_rate_hz > 0, "a denoiser has a rate")
        _expect(await denoiser.clean(b"") == b"", "no audio gave audio")
        cleaned = await denoiser.clean(speech)
        _expect(len(cleaned) == len(speech), f"{len(cleaned)} bytes came for {len(speech)}")
        _expect(any(cleaned), f"{kind}: the speech itself was taken out")
        for cut_bytes in _CUTS_BYTES:
            denoiser = make(kind)
            for start in range(0, min(len(speech), 50 * cut_bytes), cut_bytes):
                piece = speech[start : start + cut_bytes]
                _expect(len(await denoiser.clean(piece)) == len(piece), f"a piece of {len(piece)} bytes changed length")


async def check_transcriber(transcriber: Transcriber, *, speech: bytes, words: str = "") -> None:
    """`speech` is PCM16 at the transcriber's rate; `words`, when given, must all be heard, in any spelling of case."""
    rate_hz = transcriber.sample_rate_hz
    _expect(rate_hz > 0 and bool(transcriber.name), "a transcriber has a rate and a name")
    pieces = await _all(transcriber.transcribe(speech), str)
    heard = "".join(pieces)
    _expect(bool(heard.strip()), "nothing was heard in the speech")
    _expect(heard == heard.strip(), f"the transcript has space around it: {heard!r}")
    missing = [word for word in words.lower().split() if word not in heard.lower()]
    _expect(not missing, f"not heard: {', '.join(missing)}; instead: {heard!r}")
    for name, audio in {"no audio": b"", "one sample": b"\0\0", "a second of silence": bytes(2 * rate_hz)}.items():
        pieces = await _all(transcriber.transcribe(audio, language="en", prompt="a hint"), str)
        _expect(not "".join(pieces), f"{name} was transcribed as {''.join(pieces)!r}")
    await _check_early_close(transcriber.transcribe(speech))


async def check_end_of_turn(detector: EndOfTurnDetector, *, speech: bytes, complete: str, incomplete: str) -> None:
    """`speech` is PCM16 at the detector's rate; the two texts are what was said in it, whole and broken off."""
    _expect(detector.sample_rate_hz > 0 and bool(detector.name), "an end-of-turn detector has a rate and a name")
    whole, broken = [await detector.completeness(speech, text) for text in (complete, incomplete)]
    _expect(whole > broken, f"{incomplete!r} is rated more complete, {broken:.2f}, than {complete!r}, {whole:.2f}")
    for audio in (speech, b"", bytes(2 * detector.sample_rate_hz)):
        for text in (complete, incomplete, "", "\N{HORIZONTAL ELLIPSIS}"):
            _expect(0.0 <= await detector.completeness(audio, text) <= 1.0, "a probability lies between 0 and 1")


async def check_responder(
    responder: Responder, *, question: str = "Hello!", order: str = "Call the tool get_weather with city Paris."
) -> None:
    """Any text will do as a question that the responder can answer, and as an order to call the tool `get_weather`.

    A responder that never calls is fine; one that does calls what was offered, with an object for arguments, and has
    something to say about what came back.
    """
    _expect(bool(responder.name), "a responder has a name")
    answer = "".join(await _all(_words(responder.respond(responder_request(question))), str))
    _expect(bool(answer.strip()), f"{question!r} was not answered")
    # A session may ask for a response before the user has spoken.
    await _all(_words(responder.respond(responder_request())), str)
    await _check_early_close(responder.respond(responder_request(question)))
    await _check_calls(responder, order)


async def _check_calls(responder: Responder, order: str) -> None:
    offered = responder_request(order, functions=(_WEATHER,))
    pieces = [piece async for piece in responder.respond(offered)]
    calls = [piece for piece in pieces if isinstance(piece, FunctionCall)]
    _expect(bool(pieces), f"{order!r} was neither answered nor carried out")
    _expect(pieces[len(pieces) - len(calls) :] == calls, "text came behind a call: calls come last")
    for call in calls:
        _expect(call.name == _WEATHER.name, f"a function was called that was not offered: {call.name!r}")
        try:
            msgspec.json.decode(call.arguments, type=dict[str, object])
        except msgspec.DecodeError as fault:
            raise AssertionError(f"the arguments of a call are no JSON object: {call.arguments!r}") from fault
    forbidden = responder_request(order, functions=(_WEATHER,), function_choice="none")
    await _all(_words(responder.respond(forbidden)), str)
    if calls:
        made = tuple(msgspec.structs.replace(call, call_id=f"call_{place}") for place, call in enumerate(calls))
        results = (Message("tool", '{"celsius": 21}', call_id=call.call_id) for call in made)
        messages = (*offered.messages, Message("assistant", "", calls=made), *results)
        returned = [piece async for piece in responder.respond(msgspec.structs.replace(offered, messages=messages))]
        _expect(bool(returned), "nothing was said about what a call returned")


async def check_translator(translator: Translator, *, text: str = "Good morning.", language: str = "es") -> None:
    """`text` is something that the translator can translate into `language`."""
    _expect(bool(translator.name), "a translator has a name")
    request = TranslatorRequest(text=text, language=language)
    translation = "".join(await _all(translator.translate(request), str))
    _expect(bool(translation.strip()), f"{text!r} was not translated")
    hinted = msgspec.structs.replace(request, source_language="en", session_id="sess_check")
    _expect(bool("".join(await _all(translator.translate(hinted), str))), "a named source language is not translated")
    await _check_early_close(translator.translate(request))


async def check_synthesizer(synthesizer: Synthesizer, *, text: str = "One sentence. And, to be sure, another.") -> None:
    """`text` is something that the synthesizer's language can say."""
    _expect(synthesizer.sample_rate_hz > 0 and bool(synthesizer.name), "a synthesizer has a rate and a name")
    _expect(len(set(synthesizer.voices)) == len(synthesizer.voices) > 0, "a synthesizer has voices, each named once")
    first_voice = synthesizer.voices[0]
    for voice in synthesizer.voices:
        pieces = await _all(synthesizer.synthesize(text, voice=voice), bytes)
        _expect(len(b"".join(pieces)) > 0, f"voice {voice!r} said nothing")
        _expect(all(len(piece) % 2 == 0 for piece in pieces), f"voice {voice!r} cut a sample in half")
    known = b"".join(await _all(synthesizer.synthesize(text, voice=first_voice), bytes))
    unknown = b"".join(await _all(synthesizer.synthesize(text, voice="no such voice"), bytes))
    _expect(unknown == known, f"an unknown voice is not spoken as the first one, {first_voice!r}")
    for speed in (0.25, 1.5):
        _expect(
            bool(await _all(synthesizer.synthesize(text, voice=first_voice, speed=speed), bytes)),
            f"speed {speed} is not spoken",
        )
    for nothing in ("", " \n", "…!"):
        spoken = await _all(synthesizer.synthesize(nothing, voice=first_voice), bytes)
        _expect(not b"".join(spoken), f"{nothing!r} cannot be spoken, and was")
    await _check_early_close(synthesizer.synthesize(text, voice=first_voice))


def responder_request(
    *texts: str,
    instructions: str = "",
    now: datetime = datetime(2026, 3, 14, 15, 9, tzinfo=UTC),
    functions: Sequence[Function] = (),
    function_choice: str = "auto",
) -> ResponderRequest:
    """A request to try a responder on: texts of the user and the assistant in turn, the last one the user's."""
    messages = tuple(Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts))
    return ResponderRequest(
        messages=messages,
        instructions=instructions,
        max_output_tokens=None,
        now=now,
        session_id="sess_check",
        model="check",
        voice="heart",
        turn=len(texts) // 2,
        session_age_s=90.0,
        functions=tuple(functions),
        function_choice=function_choice,
    )


async def _words(pieces: AsyncIterator[str | FunctionCall]) -> AsyncIterator[str]:
    """What is said, where no function may be called."""
    async for piece in pieces:
        _expect(
            not isinstance(piece, FunctionCall), "a function was called that was not offered, or must not be called"
        )
        assert isinstance(piece, str)
        yield piece


async def _check_early_close(pieces: AsyncIterator[object]) -> None:
    """A reader may close the stream early: that must work after its first piece."""
    async for _ in pieces:
        break
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
        async for _ in pieces:
            raise AssertionError("a stream that was closed went on")


async def _all(pieces: AsyncIterator[T], kind: type[T]) -> list[T]:
    found = [piece async for piece in pieces]
    wrong = next((piece for piece in found if not isinstance(piece, kind)), None)
    _expect(wrong is None, f"a piece is {kind.__name__}, not {type(wrong).__name__}")
    return found


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)
