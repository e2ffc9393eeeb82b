"""The server as an application of Ray Serve, and speech engines as deployments that serve all its replicas.

For those who run Ray already, and for graphics cards that many session processes share. Needs `ray[serve]` 2.55 or
newer, which no extra brings. `python -m duologue.deploy.ray --replicas 2` is the shortest way to try it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final, cast

from duologue.engines.fair_queue import FairQueue
from duologue.engines.registry import DEFAULTS, Engines, Kind, load, load_default
from duologue.engines.worker import Worker
from duologue.errors import DuologueError, EngineError
from duologue.server import Limits, RealtimeApp

__all__ = ["RaySynthesizer", "RayTranscriber", "SpeechTier", "application", "check_environment", "main"]

_PROXY: Final = "RAY_SERVE_ENABLE_HA_PROXY"
_DRAINING: Final = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"

_LOAD: Final = 0.6
"""Of a replica's sessions, on average: what is left takes the callers of a replica that dies."""

_STOP_S: Final = 10.0
"""What Ray waits after drain_s before it kills a replica: sessions and engines end within 8 s."""

_APPLICATION: Final = "duologue"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTier:
    """Speech engines in deployments of their own, for all replicas that hold sessions."""

    transcriber: str = DEFAULTS["transcriber"]
    synthesizer: str = DEFAULTS["synthesizer"]
    replicas: int = 1
    """Of the transcriber and of the synthesizer, each."""
    cpus: float = 1
    gpus: float = 0
    """For each replica; 0.5 lets two share a graphics card."""
    batch: int = 8
    """Utterances that a transcriber gets together."""
    batch_wait_s: float = 0.01
    """For a batch to fill: a turn is answered so much later, at the most."""


def check_environment(environment: Mapping[str, str], *, drain_s: float) -> None:
    """Raise unless Ray will pass frames by HAProxy, and let a drain take its time.

    Ray reads these variables in all its processes: they have to be set before `ray start`, on every node.

    Raises:
        DuologueError: one is missing or too small; the message says why it matters.
    """
    if environment.get(_PROXY) != "1":
        raise DuologueError(
            f"set {_PROXY}=1 in the environment of every node before Ray starts: without it each frame of a call is "
            "pickled and passes an actor's queue twice, which takes ten times the processor and delays speech by "
            "100 ms or more from some 60 calls on"
        )
    try:
        waits_s = float(environment.get(_DRAINING, "30"))
    except ValueError:
        waits_s = 0
    if waits_s < drain_s:
        raise DuologueError(
            f"set {_DRAINING}={drain_s:g} or more, in the environment of every node before Ray starts: Ray closes the "
            f"sessions of a replica that it stops after {waits_s:g} s, and drain_s is {drain_s:g}"
        )


def application(
    *,
    replicas: int | tuple[int, int] = 1,
    cpus: float = 1,
    limits: Limits | None = None,
    engines: Mapping[Kind, str] | None = None,
    speech: SpeechTier | None = None,
    **options: Any,
) -> Any:
    """The server as what `serve.run(…, name="duologue")` takes.

    `replicas` is a number, or the fewest and the most between which Ray chooses by open sessions. `engines` are names
    by kind; `speech` puts two of them into deployments of their own. `options` are those of `RealtimeApp`, and have to
    be such that pickle takes them.

    A call is one request of Ray's. When Ray stops a replica, by a deployment or because fewer are needed, it tells the
    application nothing: sessions go on for drain_s and are then closed with 1012. Clients that come back, as
    `duologue.converse` does, lose nothing.

    Raises:
        DuologueError: Ray Serve is not installed, or the environment is not as `check_environment` asks.
    """
    limits = limits or Limits()
    check_environment(os.environ, drain_s=limits.drain_s)
    serve = _serve()
    names = dict(engines or {})

    def build() -> RealtimeApp:
        make = _make_engines(names, speech)
        return RealtimeApp(engines=make, limits=limits, **options)

    settings: dict[str, Any] = {
        "max_ongoing_requests": limits.sessions,
        "graceful_shutdown_timeout_s": limits.drain_s + _STOP_S,
        "ray_actor_options": {"num_cpus": cpus},
    }
    match replicas:
        case int():
            settings["num_replicas"] = replicas
        case (fewest, most):
            settings["autoscaling_config"] = {
                "min_replicas": fewest,
                "max_replicas": most,
                "target_ongoing_requests": max(1.0, limits.sessions * _LOAD),
            }
    sessions = serve.deployment(name="sessions", **settings)(serve.ingress(build)())
    return sessions.bind(*_tier(serve, speech) if speech is not None else ())


def _serve() -> Any:
    try:
        return import_module("ray.serve")
    except ImportError as fault:
        raise DuologueError("Ray Serve is not installed; run: pip install 'ray[serve]>=2.55'") from fault


# --- what runs in the deployments of the engines ------------------------------------------------------------------


class _SpeechEngine:
    """One engine, loaded, with a thread for each core of its replica."""

    def __init__(self, kind: Kind, name: str) -> None:
        self._kind: Kind = kind
        self._name = name
        self._loading: asyncio.Task[Any] | None = None
        self._open = AsyncExitStack()

    async def engine(self) -> Any:
        """Loaded at the first call, by a task that all callers wait for."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> Any:
        worker = await self._open.enter_async_context(Worker(name=self._kind))
        return await load(self._kind, self._name, worker)

    async def traits(self) -> dict[str, Any]:
        """What a session has to know of it."""
        engine = await self.engine()
        names = ("name", "sample_rate_hz", "voices", "languages", "models")
        return {name: getattr(engine, name) for name in names if hasattr(engine, name)}


def _transcribers(serve: Any, speech: SpeechTier) -> Any:
    class Transcribing(_SpeechEngine):
        @serve.batch(max_batch_size=speech.batch, batch_wait_timeout_s=speech.batch_wait_s)  # type: ignore[untyped-decorator]
        async def transcribe(self, utterances: list[tuple[bytes, str | None, str | None]]) -> list[tuple[bool, str]]:
            engine = await self.engine()

            async def one(pcm16: bytes, language: str | None, prompt: str | None) -> tuple[bool, str]:
                try:
                    pieces = engine.transcribe(pcm16, language=language, prompt=prompt)
                    return True, "".join([piece async for piece in pieces])
                except EngineError as fault:  # one utterance's, not the batch's
                    return False, str(fault)

            return list(await asyncio.gather(*(one(*utterance) for utterance in utterances)))

    return Transcribing


def _synthesizers() -> Any:
    class Synthesizing(_SpeechEngine):
        async def synthesize(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes]:
            engine = await self.engine()
            async for piece in engine.synthesize(text, voice=voice, speed=speed):
                yield piece

    return Synthesizing


def _tier(serve: Any, speech: SpeechTier) -> tuple[Any, Any]:
    settings: dict[str, Any] = {
        "num_replicas": speech.replicas,
        "ray_actor_options": {"num_cpus": speech.cpus, "num_gpus": speech.gpus},
    }
    transcribing = serve.deployment(name="transcriber", max_ongoing_requests=4 * speech.batch, **settings)
    synthesizing = serve.deployment(name="synthesizer", **settings)
    return (
        transcribing(_transcribers(serve, speech)).bind("transcriber", speech.transcriber),
        synthesizing(_synthesizers()).bind("synthesizer", speech.synthesizer),
    )


# --- what stands for them in a replica that holds sessions ----------------------------------------------------------


class RayTranscriber:
    """A transcriber whose work a deployment does. `handle` is Ray's, `traits` what the engine there says of itself."""

    def __init__(self, handle: Any, traits: Mapping[str, Any], *, at_once: int) -> None:
        self._handle = handle
        self.name: str = str(traits["name"])
        self.sample_rate_hz: int = int(traits["sample_rate_hz"])
        self.at_once = at_once

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str]:
        """The transcript, in one piece. Cancelled: the request is withdrawn; a batch that has begun ends."""
        asked = self._handle.transcribe.remote((pcm16, language, prompt))
        try:
            right, text = cast("tuple[bool, str]", await asked)
        except asyncio.CancelledError:
            asked.cancel()
            raise
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

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes]:
        """PCM16, piece by piece as it is made. Closed or cancelled: the deployment stops."""
        pieces = self._handle.synthesize.remote(text, voice, speed)
        try:
            async for piece in pieces:
                yield piece
        finally:
            pieces.cancel()


def _make_engines(names: dict[Kind, str], speech: SpeechTier | None) -> Callable[[], Any]:
    """What `RealtimeApp` loads its engines by."""

    @asynccontextmanager
    async def make() -> AsyncGenerator[Engines]:
        if speech is None:
            async with load_default(names) as engines:
                yield engines
            return
        # Scripted ones have no weights: they are replaced before a session sees them.
        local: dict[Kind, str] = {**names, "transcriber": "scripted", "synthesizer": "scripted"}
        serve = _serve()
        hears = serve.get_deployment_handle("transcriber", app_name=_APPLICATION)
        speaks = serve.get_deployment_handle("synthesizer", app_name=_APPLICATION)
        heard, spoken = await asyncio.gather(hears.traits.remote(), speaks.traits.remote())
        at_once = speech.batch * speech.replicas
        async with load_default(local) as engines:
            yield replace(
                engines,
                transcriber=RayTranscriber(hears, heard, at_once=at_once),
                synthesizer=RaySynthesizer(speaks, spoken),
                fair_queue=FairQueue(at_once),
            )

    return make


# --- a server on this machine ---------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application on this machine until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m duologue.deploy.ray", description="Serve by Ray Serve.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--replicas", default="1", help="a number, or two as 1-3, between which Ray chooses")
    parser.add_argument("--speech-replicas", type=int, default=0, help="deployments of the speech engines; 0: inside")
    parser.add_argument("--sessions", type=int, default=200, help="of a replica")
    parser.add_argument("--engine", action="append", default=[], metavar="KIND=NAME")
    given = parser.parse_args(arguments)
    fewest, _, most = str(given.replicas).partition("-")
    engines = cast("dict[Kind, str]", dict(pair.split("=", 1) for pair in given.engine))
    speech = (
        SpeechTier(
            replicas=given.speech_replicas,
            transcriber=engines.get("transcriber", DEFAULTS["transcriber"]),
            synthesizer=engines.get("synthesizer", DEFAULTS["synthesizer"]),
        )
        if given.speech_replicas
        else None
    )
    keys = [key for key in os.environ.get("DUOLOGUE_API_KEY", "").split(",") if key]
    try:
        built = application(
            replicas=(int(fewest), int(most)) if most else int(fewest),
            cpus=0.1,  # Ray counts them and binds nothing: a small machine can hold several
            limits=Limits(sessions=given.sessions, max_sessions_per_owner=given.sessions),
            engines=engines,
            speech=replace(speech, cpus=0.1) if speech is not None else None,
            api_key=keys or None,
            webrtc=False,
        )
    except DuologueError as fault:
        sys.stderr.write(f"duologue.deploy.ray: {fault}\n")
        return 1
    serve = _serve()
    serve.start(http_options={"host": given.host, "port": given.port})
    serve.run(built, name=_APPLICATION, blocking=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
