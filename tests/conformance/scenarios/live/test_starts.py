"""The start of a Live session, with servers that break one rule."""

from __future__ import annotations

from duologue.conformance import ConnectOptions, run
from duologue.transports import Transport
from tests.conformance._lives import live
from tests.conformance._servers import Served, drop, edit, serving
from tests.conformance.scenarios._faults import failed
from tests.conformance.scenarios.live._live_faults import (
    PATIENT,
    Fault,
    broken,
    each,
    refuse,
)

OUTPUT = "session.output_audio.delta"
STARTED = "session.started"

FAULTS = [
    Fault("no answer to the start", drop(STARTED), "start", "start"),
    Fault("another status", edit(STARTED, "session.status", "idle"), "start", "start.resolved"),
    Fault("other instructions", edit(STARTED, "session.instructions", "Be long."), "start", "start.resolved"),
    Fault("another format", edit(STARTED, "session.audio.format.rate", 11_025), "start.formats", "start.formats"),
    Fault("no earlier conversation", refuse(STARTED), "start.input", "start.input"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())


async def test_a_server_that_speaks_first_is_found() -> None:
    def greeting(transport: Transport, options: ConnectOptions) -> Served:
        return Greeting(transport, serve(transport, options))

    serve = live()
    found = await failed(None, "live.silent", settings=PATIENT, family="live", serve=greeting)
    assert found == {"live.silent", "live.started_first", "live.start"}


class Greeting:
    """A session whose server speaks first."""

    def __init__(self, transport: Transport, session: Served) -> None:
        self._transport = transport
        self._session = session

    async def run(self) -> None:
        """Greet, and serve."""
        await self._transport.send('{"type": "info", "event_id": "first", "code": "hello", "message": "Hello."}')
        await self._session.run()


async def test_our_server_keeps_every_required_rule() -> None:
    async with serving(serve=live()) as open_transport:
        report = await run(open_transport, family="live", settings=PATIENT)
    assert [(each.rule.id, each.seen) for each in report.unmet] == []
    assert report.named("failed") == set()
    assert report.named("inconclusive") == {"live.resumed_after_paused"}
    assert len(report.named("passed")) > 90
