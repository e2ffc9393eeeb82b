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
    *, hears: Sequence[str] = ("hello",), says: Sequence[str | FunctionCall] = ("Hello, this is a script.",)
) -> Engines:
    """One engine of each kind: instant, deterministic, in the standard library alone.

    Loud audio counts as speech. The transcript of each utterance is the next line of `hears`; each response is the next
    line of `says`: text, which is spoken as a tone, or a function call. The engines work at 24 kHz, as the wire's PCM
    does, so nothing is resampled.
    """
    return Engines(
        new_detector=detectors(sample_rate_hz=PCM.rate_hz),
        transcriber=ScriptedTranscriber(hears, sample_rate_hz=PCM.rate_hz),
        responder=ScriptedResponder(says),
        synthesizer=ScriptedSynthesizer(sample_rate_hz=PCM.rate_hz),
    )


def scripted_app_engines(
    engines: Engines | None = None,
) -> Callable[[], AbstractAsyncContextManager[Engines]]:
    """These engines, or the scripted ones, in the form that `RealtimeApp` takes."""
    loaded = engines or scripted_engines()
    return lambda: nullcontext(loaded)
