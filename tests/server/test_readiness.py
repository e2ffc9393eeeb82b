"""Services behind engines are asked whether they are there: seldom, all at once, and changes are logged."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber
from duologue.errors import EngineError
from duologue.server.readiness import EngineProbes
from duologue.testing import scripted_engines


class Away(ScriptedTranscriber):
    """Depends on a service."""

    fault: Exception | None = None
    asked = 0
    hangs = False

    async def probe(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault


class Near(ScriptedResponder):
    """Depends on a service that is there."""

    async def probe(self) -> None:
        await asyncio.sleep(0)


async def test_engines_of_this_process_are_always_there() -> None:
    assert await EngineProbes(scripted_engines()).faults() == {}


@pytest.mark.usefixtures("idle_clock")
async def test_a_service_is_asked_once_in_five_seconds_however_many_want_to_know() -> None:
    away = Away(("hello",))
    probes = EngineProbes(replace(scripted_engines(), transcriber=away, responder=Near(("Hi.",))))
    await asyncio.gather(*(probes.faults() for _ in range(5)))
    assert away.asked == 1
    await asyncio.sleep(5.1)
    await probes.faults()
    assert away.asked == 2


@pytest.mark.usefixtures("idle_clock")
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (EngineError("host answered 401", engine="ears", quote="my words"), "ears: host answered 401"),
        (RuntimeError("my words"), "its probe broke: RuntimeError"),
    ],
)
async def test_a_service_that_goes_and_comes_back_is_logged_once_each(
    fault: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    away = Away(("hello",))
    probes = EngineProbes(replace(scripted_engines(), transcriber=away))
    for each in (None, fault, fault, None):
        away.fault = each
        assert await probes.faults() == ({} if each is None else {"transcriber": reason})
        await asyncio.sleep(5.1)
    assert [record.getMessage().split(" reason=")[0] for record in caplog.records] == [
        "engine not reachable engine=transcriber",
        "engine reachable again engine=transcriber",
    ]
    assert "my words" not in caplog.text


@pytest.mark.usefixtures("idle_clock")
async def test_a_probe_that_hangs_is_given_up() -> None:
    away = Away(("hello",))
    away.hangs = True
    found = await EngineProbes(replace(scripted_engines(), transcriber=away)).faults()
    assert found == {"transcriber": "its probe has not ended within 10 s"}
