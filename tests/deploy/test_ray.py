"""What of `duologue.deploy.ray` can be tried without Ray; the tests that need it are marked slow."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from typing import Any

import pytest

from duologue import converse
from duologue.deploy.ray import RaySynthesizer, RayTranscriber, application, check_environment, main
from duologue.errors import DuologueError, EngineError
from tests.deploy._site import KEY, free_port

WITH_HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1"}


def test_without_haproxy_it_does_not_start_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAY_SERVE_ENABLE_HA_PROXY", raising=False)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert "RAY_SERVE_ENABLE_HA_PROXY=1" in said
    assert "pickled" in said


def test_a_drain_gets_the_time_that_ray_gives_it() -> None:
    check_environment(WITH_HAPROXY, drain_s=25)
    with pytest.raises(DuologueError, match="DRAINING_PERIOD_S=60 or more"):
        check_environment(WITH_HAPROXY, drain_s=60)
    check_environment({**WITH_HAPROXY, "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "60"}, drain_s=60)
    with pytest.raises(DuologueError, match="DRAINING_PERIOD_S=25 or more"):
        check_environment({**WITH_HAPROXY, "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "soon"}, drain_s=25)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
    with pytest.raises(DuologueError, match=r"pip install 'ray\[serve\]>=2\.55'"):
        application()


class Asked:
    """Answers of a deployment, as Ray's handles give them."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.cancelled = False

    def options(self, **_: object) -> Asked:
        return self

    @property
    def transcribe(self) -> Asked:
        return self

    @property
    def synthesize(self) -> Asked:
        return self

    def remote(self, *_: object) -> Asked:
        return self

    def cancel(self) -> None:
        self.cancelled = True

    def __await__(self) -> Any:
        return self.answer.__await__()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for piece in self.answer:
            yield piece


async def answered(answer: object) -> object:
    return answer


TRAITS = {"name": "moonshine", "sample_rate_hz": 16_000, "voices": ["af_heart"]}


async def test_a_transcript_comes_back_and_a_failure_is_the_engine_s() -> None:
    right = RayTranscriber(Asked(answered((True, "Hello."))), TRAITS, at_once=8)
    assert [piece async for piece in right.transcribe(b"")] == ["Hello."]
    wrong = RayTranscriber(Asked(answered((False, "no memory"))), TRAITS, at_once=8)
    with pytest.raises(EngineError, match="no memory"):
        _ = [piece async for piece in wrong.transcribe(b"")]


async def test_an_interrupted_request_is_withdrawn() -> None:
    asked = Asked(asyncio.Event().wait())
    listening = asyncio.ensure_future(anext(RayTranscriber(asked, TRAITS, at_once=8).transcribe(b"")))
    await asyncio.sleep(0)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert asked.cancelled

    said = Asked([b"one", b"two"])
    speech = RaySynthesizer(said, TRAITS).synthesize("Hello.", voice="af_heart")
    assert await anext(speech) == b"one"
    await speech.aclose()
    assert said.cancelled


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'ray[serve]>=2.55'")
@pytest.mark.timeout(240)
async def test_two_replicas_under_ray_hold_conversations() -> None:
    port = free_port()
    engines = [f"--engine={kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]
    serving = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue.deploy.ray", "--replicas=2", f"--port={port}", *engines),
        env={**os.environ, **WITH_HAPROXY, "DUOLOGUE_API_KEY": KEY, "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(180):
            while True:
                try:
                    async with converse(f"ws://127.0.0.1:{port}/v1", api_key=KEY) as call:
                        assert await call.ask("My name is Ann.")
                        break
                except DuologueError:
                    assert serving.returncode is None
                    await asyncio.sleep(1)
    finally:
        serving.terminate()
        await serving.communicate()
