"""What Ray has to be, and what has to stand in the environment of its processes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from duologue.errors import DuologueError

__all__ = ["APPLICATION", "IN_PLACE", "check_environment", "fallback_port", "ray_module", "suited_to"]

APPLICATION: Final = "duologue"
"""The application's name in Ray Serve, by which replicas find the deployments of the speech engines."""

_THREAD: Final = "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD"

IN_PLACE: Final = {_THREAD: "0"}
"""Replicas run the application in the thread that reads their sockets. The command sets this by itself."""

_MOST_THREADS: Final = 4
"""Of HAProxy, as Ray has on every machine; each passes on the frames of a thousand calls. More of them than cores only
wake for fewer frames each, which takes more processor time."""

_CONTROL_S: Final = "0.5"
"""Between two looks of Ray's controller at all replicas. Its own 0.1 s take the processor time of ten calls. To see
half a second later that a replica has ended delays no caller: HAProxy passes them to others by itself."""

_PROXY: Final = "RAY_SERVE_ENABLE_HA_PROXY"
_DRAINING: Final = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"
_HAPROXY_THREADS: Final = "RAY_SERVE_HAPROXY_NBTHREAD"
_CONTROL: Final = "RAY_SERVE_CONTROL_LOOP_INTERVAL_S"
_FALLBACK: Final = "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT"

_FALLBACK_PORT: Final = 8500
"""Of Ray's own proxy beside HAProxy, where the environment names none."""


def ray_module(name: str) -> Any:
    """`ray`, or a module of it, which has no types. Raises DuologueError: Ray Serve is not installed."""
    try:
        return import_module(name)
    except ImportError as fault:
        raise DuologueError("Ray Serve is not installed; run: pip install 'ray[serve]>=2.55'") from fault


def check_environment(environment: Mapping[str, str], *, drain_s: float) -> None:
    """Raise unless Ray will pass frames by HAProxy, run sessions where it reads sockets, and let a drain take its time.

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
    if environment.get(_THREAD) != "0":
        raise DuologueError(
            f"set {_THREAD}=0 in the environment of every node before Ray starts: sessions would run in another thread "
            "than their connections, and each message would wait in a queue between them"
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


def suited_to(cores: int) -> dict[str, str]:
    """What the environment of a machine with so many cores should say, beside what `check_environment` leaves to it."""
    return {**IN_PLACE, _HAPROXY_THREADS: str(min(cores, _MOST_THREADS)), _CONTROL: _CONTROL_S}


def fallback_port(environment: Mapping[str, str]) -> int:
    """The port of Ray's own proxy, to which HAProxy passes everything while it knows no replica."""
    port = environment.get(_FALLBACK, "")
    return int(port) if port.isascii() and port.isdigit() else _FALLBACK_PORT
