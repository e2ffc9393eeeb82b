"""What `serve.run` takes: the server in replicas, and the speech engines behind HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from duologue.deploy.ray.direct_only import DirectOnly
from duologue.deploy.ray.edge import hold_connections
from duologue.deploy.ray.environment import check_environment, fallback_port, ray_module
from duologue.deploy.ray.speech_http import speech_pages
from duologue.deploy.ray.speech_tier import SpeechTier, deployments, stand_ins
from duologue.engines.fair_queue import FairQueue
from duologue.engines.registry import Engines, Kind, load_default
from duologue.server import Limits, RealtimeApp, tune_process

__all__ = ["application", "speech_application"]

_LOAD: Final = 0.6
"""Of a replica's sessions, on average: what is left takes the callers of a replica that dies."""

_GROWS: Final = {"upscale_delay_s": 3.0, "look_back_period_s": 6.0, "metrics_interval_s": 2.0}
"""Ray would wait for 30 s before it adds a replica, in which callers are turned away. It takes one away after 600 s,
as by default, for that closes its sessions."""

_STOP_S: Final = 10.0
"""What Ray waits after drain_s before it kills a replica: sessions and engines end within 8 s."""

_SPEECH_REQUESTS: Final = 64
"""Of one process that speaks HTTP: each may hold a body of 10 MiB, and engines are far slower."""


def application(
    *,
    replicas: int | tuple[int, int] = 1,
    cpus: float = 1,
    limits: Limits | None = None,
    load: float = _LOAD,
    engines: Mapping[Kind, str] | None = None,
    engine_options: Mapping[Kind, Mapping[str, object]] | None = None,
    speech: SpeechTier | None = None,
    **options: Any,
) -> Any:
    """The server as what `serve.run(…, name="duologue")` takes.

    `replicas` is a number, or the fewest and the most between which Ray chooses by open sessions, so that each has
    `load` of its `limits.sessions` on average. `engines` are names by kind, `engine_options` theirs; `speech` puts two
    engines into deployments of their own. `options` are those of `RealtimeApp`, and have to be such that pickle takes
    them.

    A call is one request of Ray's. When Ray stops a replica, by a deployment or because fewer are needed, it tells the
    application nothing: sessions go on for drain_s and are then closed with 1012. Clients that come back, as
    `duologue.converse` does, lose nothing.

    Raises:
        DuologueError: Ray Serve is not installed, or the environment is not as `check_environment` asks.
    """
    limits = limits or Limits()
    check_environment(os.environ, drain_s=limits.drain_s)
    serve = ray_module("ray.serve")
    make = _make_engines(dict(engines or {}), dict(engine_options or {}), speech)

    def build() -> DirectOnly:
        check_environment(os.environ, drain_s=limits.drain_s)  # that of a node, which may be another one
        tune_process()
        app = RealtimeApp(engines=make, limits=limits, **options)
        hold_connections(app)
        return DirectOnly(app, fallback_port=fallback_port(os.environ))

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
                "target_ongoing_requests": max(1.0, limits.sessions * load),
                **_GROWS,
            }
    sessions = serve.deployment(name="sessions", **settings)(serve.ingress(build)())
    return sessions.bind(*deployments(serve, speech) if speech is not None else ())


def speech_application(speech: SpeechTier | None = None, *, replicas: int = 1, api_keys: Iterable[str] = ()) -> Any:
    """Speech engines behind HTTP of the OpenAI kind, as what `serve.run(…, name="duologue")` takes.

    For servers with `--transcriber-url` and `--synthesizer-url`, and for whatever else speaks it. `replicas` are the
    processes that speak HTTP; a request without one of `api_keys`, where there are some, is refused.

    Raises:
        DuologueError: Ray Serve is not installed.
    """
    serve = ray_module("ray.serve")
    tier, keys = speech or SpeechTier(), tuple(api_keys)

    @asynccontextmanager
    async def engines() -> AsyncGenerator[Any]:
        yield await stand_ins(serve.get_deployment_handle, tier)

    def build() -> Any:
        return speech_pages(engines, api_keys=keys)

    pages = serve.deployment(
        name="speech",
        num_replicas=replicas,
        max_ongoing_requests=_SPEECH_REQUESTS,
        ray_actor_options={"num_cpus": min(1.0, tier.cpus)},
    )(serve.ingress(build)())
    return pages.bind(*deployments(serve, tier))


def _make_engines(
    names: dict[Kind, str], options: Mapping[Kind, Mapping[str, object]], speech: SpeechTier | None
) -> Callable[[], AbstractAsyncContextManager[Engines]]:
    """What `RealtimeApp` loads its engines by."""

    @asynccontextmanager
    async def make() -> AsyncGenerator[Engines]:
        if speech is None:
            async with load_default(names, options=options) as engines:
                yield engines
            return
        # Scripted ones have no weights: they are replaced before a session sees them.
        local_options: dict[Kind, Mapping[str, object]] = {
            kind: given for kind, given in options.items() if kind not in ("transcriber", "synthesizer")
        }
        local: dict[Kind, str] = {**names, "transcriber": "scripted", "synthesizer": "scripted"}
        transcriber, synthesizer = await stand_ins(ray_module("ray.serve").get_deployment_handle, speech)
        async with load_default(local, options=local_options) as engines:
            yield replace(
                engines,
                transcriber=transcriber,
                synthesizer=synthesizer,
                fair_queue=FairQueue(transcriber.at_once),
            )

    return make
