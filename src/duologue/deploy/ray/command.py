"""`python -m duologue.deploy.ray`: the application on this machine, to try it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final, NoReturn, cast
from urllib.error import URLError
from urllib.request import urlopen

from duologue.deploy.ray.application import application, speech_application
from duologue.deploy.ray.environment import APPLICATION, ray_module, suited_to
from duologue.deploy.ray.speech_tier import SpeechTier
from duologue.engines.registry import DEFAULTS, Kind, OptionText
from duologue.errors import DuologueError
from duologue.printable import printable_message
from duologue.server import Limits

__all__ = ["main"]

_READY_S: Final = 60
"""For HAProxy to know a replica that Ray calls ready: a second, on a machine that does much else some more."""

_EACH_CPUS: Final = 0.1
"""Ray counts them and binds nothing: a small machine can hold several replicas."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application on this machine until SIGINT or SIGTERM; returns the exit code. Sessions end with it."""
    given = _parser().parse_args(arguments)
    for name, value in suited_to(os.cpu_count() or 1).items():
        os.environ.setdefault(name, value)
    try:
        built = _application(given)
        ray, serve = ray_module("ray"), ray_module("ray.serve")
    except DuologueError as fault:
        sys.stderr.write(f"duologue.deploy.ray: {fault}\n")
        return 1
    try:
        serve.start(http_options={"host": given.host, "port": given.port})
        # Ray has set a handler of its own, which ends in a stack trace.
        signal.signal(signal.SIGTERM, _interrupt)
        serve.run(built, name=APPLICATION)
        # What HAProxy knows no replica for is refused until then.
        where = f"{given.host}:{given.port}"
        if not _is_ready(f"http://{where}/readyz"):
            sys.stderr.write(f"duologue.deploy.ray: HAProxy passes nothing on to {where}; its log is in Ray's folder\n")
            return 1
        sys.stdout.write(f"listening on {f'http://{where}/v1' if given.only_speech else f'ws://{where}/v1/realtime'}\n")
        sys.stdout.flush()
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.stderr.write("duologue.deploy.ray: stopped\n")
    except Exception as fault:  # Ray's have no common class
        why = str(fault).strip().partition("\n")[0]
        sys.stderr.write(
            f"duologue.deploy.ray: Ray has failed: {printable_message(f'{type(fault).__name__}: {why}')}\n"
        )
        return 1
    finally:
        ray.shutdown()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m duologue.deploy.ray", description="Serve by Ray Serve.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--replicas", type=_replicas, default=1, help="a number, or two as 1-3, between which Ray chooses"
    )
    parser.add_argument("--sessions", type=int, default=200, help="of a replica")
    parser.add_argument("--load", type=float, default=0.6, help="the share of them that Ray aims at: --replicas 1-3")
    parser.add_argument("--engine", type=_engine, action="append", default=[], metavar="KIND=NAME")
    parser.add_argument("--engine-option", type=_option, action="append", default=[], metavar="KIND.NAME=VALUE")
    parser.add_argument("--speech-replicas", type=int, default=0, help="deployments of the speech engines; 0: inside")
    parser.add_argument("--only-speech", action="store_true", help="the speech engines alone, behind HTTP")
    parser.add_argument("--gpus", type=float, default=0, help="for each replica of a speech engine; 0.5 is half of one")
    parser.add_argument("--batch", type=int, default=8, help="utterances that are transcribed together")
    return parser


def _application(given: argparse.Namespace) -> Any:
    keys = [key for key in os.environ.get("DUOLOGUE_API_KEY", "").split(",") if key]
    engines = cast("dict[Kind, str]", dict(given.engine))
    options: dict[Kind, dict[str, object]] = {}
    for kind, name, value in given.engine_option:
        options.setdefault(kind, {})[name] = value
    speech = SpeechTier(
        options=options,
        replicas=max(1, given.speech_replicas),
        transcriber=engines.get("transcriber", DEFAULTS["transcriber"]),
        synthesizer=engines.get("synthesizer", DEFAULTS["synthesizer"]),
        cpus=_EACH_CPUS,
        gpus=given.gpus,
        batch=given.batch,
    )
    if given.only_speech:
        return speech_application(speech, api_keys=keys)
    return application(
        replicas=given.replicas,
        cpus=_EACH_CPUS,
        load=given.load,
        limits=Limits(sessions=given.sessions, max_sessions_per_owner=given.sessions),
        engines=engines,
        engine_options=options,
        speech=speech if given.speech_replicas else None,
        api_key=keys or None,
        webrtc=False,
    )


def _replicas(text: str) -> int | tuple[int, int]:
    fewest, _, most = text.partition("-")
    return (int(fewest), int(most)) if most else int(fewest)


def _engine(text: str) -> tuple[str, str]:
    kind, found, name = text.partition("=")
    if not found:
        raise ValueError(text)
    return kind, name


def _option(text: str) -> tuple[str, str, OptionText]:
    names, found, value = text.partition("=")
    kind, dot, name = names.partition(".")
    if not (found and dot):
        raise ValueError(text)
    return kind, name, OptionText(value)


def _is_ready(url: str) -> bool:
    pause = threading.Event()
    for _ in range(4 * _READY_S):
        try:
            with urlopen(url, timeout=5):
                return True
        except (URLError, OSError):
            pause.wait(0.25)
    return False


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
