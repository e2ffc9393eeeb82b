"""Scripted engines for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from duologue.audio.formats import PCM
from duologue.engines.base import FunctionCall
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedResponder, ScriptedSynthesizer, ScriptedTranscriber, detectors

__all__ = ["scripted_app_engines", "scripted_engines"]


def scripted_engines(
    *, transcripts: Sequence[str] = ("hello",), responses: Sequence[str | FunctionCall] = ("Hello, this is a script.",)
) -> Engines:
    """A detector, transcriber, responder and synthesizer: deterministic, without waits, standard library only.

    Loud audio counts as speech. Each utterance has the next of `transcripts`, and each response is the next of
    `responses`: text, which is synthesized as a tone, or a function call. After the last, each list begins again. The
    engines work at 24 kHz, as the wire's PCM does, so nothing is resampled.
    """
    return Engines(
        new_detector=detectors(sample_rate_hz=PCM.rate_hz),
        transcriber=ScriptedTranscriber(transcripts, sample_rate_hz=PCM.rate_hz),
        responder=ScriptedResponder(responses),
        synthesizer=ScriptedSynthesizer(sample_rate_hz=PCM.rate_hz),
    )


def scripted_app_engines(
    engines: Engines | None = None,
) -> Callable[[], AbstractAsyncContextManager[Engines]]:
    """These engines, by default `scripted_engines()`, as the `engines` of a `RealtimeApp`."""
    loaded = engines or scripted_engines()
    return lambda: nullcontext(loaded)
