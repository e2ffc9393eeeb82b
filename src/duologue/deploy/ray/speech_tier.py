"""Speech engines in deployments of their own, and what stands for them where they are used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from duologue.deploy.ray.environment import APPLICATION
from duologue.engines.registry import DEFAULTS, Kind, load
from duologue.engines.worker import Worker
from duologue.errors import EngineError

__all__ = ["RaySynthesizer", "RayTranscriber", "SpeechTier", "deployments", "stand_ins", "transcripts_of"]

_Utterance: TypeAlias = tuple[bytes, str | None, str | None]
"""PCM16, language, prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTier:
    """Speech engines in deployments of their own, for all that use them.

    Any registered engine will do. A transcriber that computes several utterances at once has a method for it beside
    those of its contract: `transcribe_batch`, which takes a list of (PCM16, language, prompt) and returns the
    transcripts. Others are asked for all of a batch side by side, and compute in as many threads as there are cpus.
    """

    transcriber: str = DEFAULTS["transcriber"]
    synthesizer: str = DEFAULTS["synthesizer"]
    options: Mapping[Kind, Mapping[str, object]] = field(default_factory=dict[Kind, Mapping[str, object]])
    """Of the engines, by kind."""
    replicas: int = 1
    """Of the transcriber and of the synthesizer, each."""
    cpus: float = 1
    gpus: float = 0
    """For each replica; 0.5 lets two share a graphics card."""
    batch: int = 8
    """Utterances that a transcriber gets together."""
    batch_wait_s: float = 0.01
    """For a batch to fill: a turn is answered so much later, at the most."""


def deployments(serve: Any, speech: SpeechTier) -> tuple[Any, Any]:
    """The transcriber and the synthesizer, for `bind`; `serve` is `ray.serve`."""
    settings: dict[str, Any] = {
        "num_replicas": speech.replicas,
        "ray_actor_options": {"num_cpus": speech.cpus, "num_gpus": speech.gpus},
    }
    transcribing = serve.deployment(name="transcriber", max_ongoing_requests=4 * speech.batch, **settings)
    synthesizing = serve.deployment(name="synthesizer", **settings)
    return (
        transcribing(_transcribers(serve, speech)).bind("transcriber", speech.transcriber, speech),
        synthesizing(_synthesizers()).bind("synthesizer", speech.synthesizer, speech),
    )


async def stand_ins(handle_of: Callable[..., Any], speech: SpeechTier) -> tuple[RayTranscriber, RaySynthesizer]:
    """The engines for a process that uses them; `handle_of` is Ray Serve's `get_deployment_handle`."""
    hears = handle_of("transcriber", app_name=APPLICATION)
    speaks = handle_of("synthesizer", app_name=APPLICATION)
    heard, spoken = await asyncio.gather(hears.traits.remote(), speaks.traits.remote())
    at_once = speech.batch * speech.replicas
    return RayTranscriber(hears, heard, at_once=at_once), RaySynthesizer(speaks, spoken)


# --- what runs in the deployments ---------------------------------------------------------------------------------


class _SpeechEngine:
    """One engine, loaded, with a thread for each cpu of its replica."""

    def __init__(self, kind: Kind, name: str, speech: SpeechTier) -> None:
        self._kind: Kind = kind
        self._name = name
        self._options = speech.options.get(kind)
        self._threads = max(1, int(speech.cpus))
        self._loading: asyncio.Task[Any] | None = None
        self._open = AsyncExitStack()

    async def engine(self) -> Any:
        """Loaded at the first call, by a task that all callers wait for."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())
        return await asyncio.shield(self._loading)

    async def check_health(self) -> None:
        """What Ray asks before it sends a first request, and then regularly. Raises as `load` does."""
        await self.engine()

    async def _load(self) -> Any:
        worker = await self._open.enter_async_context(Worker(name=self._kind, threads=self._threads))
        engine = await load(self._kind, self._name, worker, self._options)
        # A model's first run allocates what all later ones use.
        if self._kind == "transcriber":
            _ = [piece async for piece in engine.transcribe(bytes(2 * engine.sample_rate_hz))]
        elif engine.voices:
            _ = [piece async for piece in engine.synthesize("Ready.", voice=engine.voices[0])]
        return engine

    async def traits(self) -> dict[str, Any]:
        """What a session has to know of it."""
        engine = await self.engine()
        names = ("name", "sample_rate_hz", "voices", "languages", "models")
        return {name: getattr(engine, name) for name in names if hasattr(engine, name)}


async def transcripts_of(engine: Any, utterances: Sequence[_Utterance]) -> list[tuple[bool, str]]:
    """A transcript for each, or why there is none: a failure of one is not the batch's."""

    async def one(pcm16: bytes, language: str | None, prompt: str | None) -> tuple[bool, str]:
        try:
            pieces = engine.transcribe(pcm16, language=language, prompt=prompt)
            return True, "".join([piece async for piece in pieces])
        except EngineError as fault:
            return False, str(fault)

    if (whole := getattr(engine, "transcribe_batch", None)) is not None:
        try:
            return [(True, text) for text in await whole(utterances)]
        except EngineError as fault:
            return [(False, str(fault))] * len(utterances)
    return list(await asyncio.gather(*(one(*utterance) for utterance in utterances)))


def _transcribers(serve: Any, speech: SpeechTier) -> Any:
    class Transcribing(_SpeechEngine):
        @serve.batch(max_batch_size=speech.batch, batch_wait_timeout_s=speech.batch_wait_s)  # type: ignore[untyped-decorator]
        async def transcribe(self, utterances: list[_Utterance]) -> list[tuple[bool, str]]:
            return await transcripts_of(await self.engine(), utterances)

    return Transcribing


def _synthesizers() -> Any:
    class Synthesizing(_SpeechEngine):
        async def synthesize(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes | str]:
            engine = await self.engine()
            try:
                async for piece in engine.synthesize(text, voice=voice, speed=speed):
                    yield piece
            except EngineError as fault:  # pickle does not take it
                yield str(fault)

    return Synthesizing


# --- what stands for them -----------------------------------------------------------------------------------------


class RayTranscriber:
    """A transcriber whose work a deployment does. `handle` is Ray's, `traits` what the engine there says of itself."""

    def __init__(self, handle: Any, traits: Mapping[str, Any], *, at_once: int) -> None:
        self._handle = handle
        self.name: str = str(traits["name"])
        self.sample_rate_hz: int = int(traits["sample_rate_hz"])
        self.languages: tuple[str, ...] = tuple(cast("Sequence[str]", traits.get("languages", ())))
        self.models: tuple[str, ...] = tuple(cast("Sequence[str]", traits.get("models", ())))
        self.at_once = at_once

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str]:
        """The transcript, in one piece. Cancelled: the request is withdrawn; a batch that has begun ends.

        Raises:
            EngineError: the engine failed, or its deployment.
        """
        asked = self._handle.transcribe.remote((pcm16, language, prompt))
        try:
            right, text = cast("tuple[bool, str]", await asked)
        except asyncio.CancelledError:
            asked.cancel()
            raise
        except Exception as fault:  # Ray's have no common class
            raise _failed(self.name, fault) from fault
        if not right:
            raise EngineError(text, engine=self.name)
        if text:
            yield text


class RaySynthesizer:
    """A synthesizer whose work a deployment does."""

    def __init__(self, handle: Any, traits: Mapping[str, Any]) -> None:
        self._handle = handle.options(stream=True)
        self.name: str = str(traits["name"])
        self.sample_rate_hz: int = int(traits["sample_rate_hz"])
        self.voices: tuple[str, ...] = tuple(cast("Sequence[str]", traits.get("voices", ())))
        self.languages: tuple[str, ...] = tuple(cast("Sequence[str]", traits.get("languages", ())))

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes]:
        """PCM16, piece by piece as it is made. Closed or cancelled: the deployment stops.

        Raises:
            EngineError: the engine failed, or its deployment.
        """
        pieces = self._handle.synthesize.remote(text, voice, speed)
        try:
            async for piece in pieces:
                if isinstance(piece, str):
                    raise EngineError(piece, engine=self.name)
                yield piece
        except (EngineError, asyncio.CancelledError):
            raise
        except Exception as fault:
            raise _failed(self.name, fault) from fault
        finally:
            pieces.cancel()


def _failed(engine: str, fault: Exception) -> EngineError:
    """What Ray has raised, which holds the traceback of another process: the name of its kind says enough."""
    return EngineError(f"its deployment failed: {type(fault).__name__}", engine=engine)
