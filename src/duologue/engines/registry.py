"""Engines by kind and name: the ones that come with the package, and any that an installed package adds.

A package adds an engine by an entry point of the group `duologue.engines`, called by its kind and its name:

    [project.entry-points."duologue.engines"]
    "transcriber.parrot" = "parrot_speech:Transcriber"

What it points to is called in a thread with the user's options as keywords, and with the `Worker` that all engines
share if it has a parameter `worker`; it returns the engine. For a detector it returns a factory, called for each new
stream of audio; for a denoiser a factory that takes "near_field" or "far_field". An engine that holds resources has a
coroutine `aclose`, called at the end.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from duologue.engines.base import (
    Denoiser,
    EndOfTurnDetector,
    Responder,
    Synthesizer,
    Transcriber,
    Translator,
    VoiceDetector,
)
from duologue.engines.echo import EchoTranslator
from duologue.engines.fair_queue import FairQueue
from duologue.engines.option_text import OptionText, options_of
from duologue.engines.worker import Worker
from duologue.errors import EngineError

__all__ = ["DEFAULTS", "GROUP", "Engines", "Kind", "OptionText", "known", "load", "load_default"]

GROUP = "duologue.engines"
"""The entry-point group in which packages register engines of their own."""

Kind = Literal["detector", "transcriber", "responder", "synthesizer", "end_of_turn", "denoiser", "translator"]
"""The kinds of engines, as entry points and options name them."""

_BUILT_IN = {
    "detector.silero": "duologue.engines.speech.silero:detectors",
    "detector.scripted": "duologue.engines.scripted:detectors",
    "transcriber.moonshine": "duologue.engines.speech.moonshine:MoonshineTranscriber",
    "transcriber.remote": "duologue.engines.remote.transcriber:RemoteTranscriber",
    "transcriber.scripted": "duologue.engines.scripted:ScriptedTranscriber",
    "responder.embedded": "duologue.engines.embedded.responder:EmbeddedResponder",
    "responder.chat": "duologue.engines.llm.chat:ChatResponder",
    "responder.llm": "duologue.engines.llm.local:LocalLanguageModel",
    "responder.scripted": "duologue.engines.scripted:ScriptedResponder",
    "synthesizer.hibari": "duologue.engines.speech.hibari:HibariSynthesizer",
    "synthesizer.remote": "duologue.engines.remote.synthesizer:RemoteSynthesizer",
    "synthesizer.scripted": "duologue.engines.scripted:ScriptedSynthesizer",
    "end_of_turn.embedded": "duologue.engines.end_of_turn.detector:EmbeddedEndOfTurn",
    "end_of_turn.scripted": "duologue.engines.scripted:ScriptedEndOfTurn",
    "denoiser.scripted": "duologue.engines.scripted:denoisers",
    "translator.echo": "duologue.engines.echo:EchoTranslator",
    "translator.chat": "duologue.engines.llm.chat_translator:ChatTranslator",
    "translator.scripted": "duologue.engines.scripted:ScriptedTranslator",
}

DEFAULTS: Mapping[Kind, str] = {
    "detector": "silero",
    "transcriber": "moonshine",
    "responder": "embedded",
    "synthesizer": "hibari",
    "end_of_turn": "embedded",
    "translator": "echo",
}
"""The engines used by default. They need no network, no key and no model file. No denoiser is loaded, and the
translator gives the words back untranslated."""

_QUICK: tuple[Kind, ...] = ("detector", "denoiser", "end_of_turn")
"""Kinds whose work takes a few milliseconds at most, and must not wait behind an utterance that takes 300. Nor must a
clause, which takes 30."""

_FIELDS: Mapping[Kind, str] = {"detector": "new_detector", "denoiser": "new_denoiser"}
"""The field of `Engines` for a kind, where it differs from the kind's name."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine of each kind, loaded. All sessions share them; each stream of audio gets a detector of its own.

    Without an end-of-turn detector `semantic_vad` uses silence alone; without a denoiser noise reduction changes
    nothing.
    """

    new_detector: Callable[[], VoiceDetector]
    """A detector for one stream of audio."""
    transcriber: Transcriber
    """For all sessions."""
    responder: Responder
    """For all sessions."""
    synthesizer: Synthesizer
    """For all sessions."""
    end_of_turn: EndOfTurnDetector | None = None
    """None: turns end by silence alone."""
    new_denoiser: Callable[[str], Denoiser] | None = None
    """A denoiser for one stream of audio, of the kind that a session asks for; None: audio stays as it is."""
    translator: Translator = field(default_factory=EchoTranslator)
    """For translation sessions."""
    fair_queue: FairQueue = field(default_factory=FairQueue)
    """Limits how many calls run in the transcriber, and decides which one runs next."""


def known(kind: Kind) -> list[str]:
    """Names of all engines of a kind, sorted; nothing is imported."""
    return sorted(entry.partition(".")[2] for entry in _targets() if entry.partition(".")[0] == kind)


async def load(kind: Kind, name: str, worker: Worker, options: Mapping[str, object] | None = None) -> Any:
    """Import and make one engine, in a thread of the worker. For a detector or a denoiser, returns its factory.

    Cancelled: a load that has begun is finished in its thread and dropped.

    Raises:
        EngineError: no engine of that kind has the name, it does not take these options, or it fails to load.
        MissingExtra: what it needs is not installed.
    """
    target = _targets().get(f"{kind}.{name}")
    if target is None:
        raise EngineError(f"no {kind} has this name; known: {', '.join(known(kind))}", engine=name)
    return await worker.run(_make, name, target, worker, dict(options or {}))


@asynccontextmanager
async def load_default(
    names: Mapping[Kind, str] | None = None,
    *,
    options: Mapping[Kind, Mapping[str, object]] | None = None,
    threads: int | None = None,
) -> AsyncGenerator[Engines, None]:
    """One engine of each kind, loaded side by side and warmed up, closed at the end of the block.

    `names` and `options` replace the defaults by kind; `threads` is how many compute at once, by default one for
    each core. Raises as `load` does. Cancelled: as at the end of the block, what runs is waited for 5 seconds.
    """
    chosen: dict[Kind, str] = {**DEFAULTS, **(names or {})}
    given = options or {}
    async with AsyncExitStack() as stack:
        hearing = await stack.enter_async_context(Worker(threads=threads, name="hearing"))
        speaking = await stack.enter_async_context(Worker(threads=threads, name="speaking"))
        worker = await stack.enter_async_context(Worker(threads=threads))
        workers: dict[Kind, Worker] = {**dict.fromkeys(_QUICK, hearing), "synthesizer": speaking}

        async def get(kind: Kind) -> Any:
            engine = await load(kind, chosen[kind], workers.get(kind, worker), given.get(kind))
            if (close := getattr(engine, "aclose", None)) is not None:
                stack.push_async_callback(close)
            return engine

        loaded: list[Any] = await asyncio.gather(*map(get, chosen), return_exceptions=True)
        for fault in loaded:  # every load has ended by now: the exit stack closes the engines that did load
            if isinstance(fault, BaseException):
                raise fault
        by_field = {_FIELDS.get(kind, kind): engine for kind, engine in zip(chosen, loaded, strict=True)}
        at_once = getattr(by_field["transcriber"], "at_once", None) or threads
        engines = Engines(**by_field, fair_queue=FairQueue(at_once))
        await _warm_up(engines)
        yield engines


async def _warm_up(engines: Engines) -> None:
    """The first run of a model allocates what all later ones use. Engines behind a URL are left out, and so is every
    responder: an answer may cost money, and a server that is down today may be up by the first call."""
    detector = engines.new_detector()
    await detector.detect(bytes(2 * detector.sample_rate_hz // 10))
    transcriber, synthesizer = engines.transcriber, engines.synthesizer
    if not hasattr(transcriber, "probe"):
        _ = [piece async for piece in transcriber.transcribe(bytes(2 * transcriber.sample_rate_hz))]
    if not hasattr(synthesizer, "probe"):
        _ = [piece async for piece in synthesizer.synthesize("Ready.", voice=synthesizer.voices[0])]


def _targets() -> dict[str, str]:
    """By kind and name: where the engine is. An installed package may replace a built-in one by its name."""
    return _BUILT_IN | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def _make(name: str, target: str, worker: Worker, options: dict[str, object]) -> Any:
    module, _, attribute = target.partition(":")
    try:
        make = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as fault:
        raise EngineError(f"cannot be imported from {target}: {fault}", engine=name) from fault
    signature = inspect.signature(make)
    if "worker" in signature.parameters:
        options = {"worker": worker, **options}
    try:
        signature.bind(**options)
    except TypeError as fault:
        taken = ", ".join(each for each in signature.parameters if each != "worker") or "none"
        raise EngineError(f"does not take these options: {fault}; its options: {taken}", engine=name) from fault
    return make(**options_of(name, make, options))
