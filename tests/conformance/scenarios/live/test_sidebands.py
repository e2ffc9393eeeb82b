"""Sidebands, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from duologue.conformance import ConnectOptions
from duologue.transports import Transport
from tests.conformance._lives import live
from tests.conformance._servers import Served, drop, edit
from tests.conformance.scenarios._faults import failed
from tests.conformance.scenarios.live._live_faults import (
    PATIENT,
    Fault,
    broken,
    dies,
    each,
    primaries,
    sidebands,
)

OUTPUT = "session.output_audio.delta"
MIRRORED = "session.input_audio.append"
SILENCE = b64encode(bytes(4800)).decode()

FAULTS = [
    Fault("no session.started", drop("session.started"), "sideband", "sideband started_first", sidebands),
    Fault("no output", drop(OUTPUT), "sideband", "sideband.output", sidebands),
    Fault("no times", edit(OUTPUT, "start_ms", ...), "sideband", "sideband_times", sidebands),
    Fault("no input", drop(MIRRORED), "sideband", "sideband.mirror", sidebands),
    Fault("muted input", edit(MIRRORED, "audio", SILENCE), "sideband", "sideband.mirror", sidebands),
    Fault("input with an id", edit(MIRRORED, "event_id", "x"), "sideband", "sideband.mirror", sidebands),
    Fault("no events", drop("session.input_audio.muted"), "sideband", "sideband.events", sidebands),
    Fault("no end", drop("session.closed"), "sideband", "sideband.events", sidebands),
    Fault("the socket stays open", None, "sideband", "sideband.graceful", sidebands, closes=False),
    Fault("no commands", drop("session.thinking.appended"), "sideband", "sideband.commands", sidebands),
    Fault("nothing is refused", drop("error"), "sideband", "error.sideband_audio error.sideband_start", sidebands),
    Fault(
        "dead without sidebands",
        dies("session.input_audio.unmuted", after=1),
        "sideband",
        "answered_once sideband.detach",
        primaries,
    ),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())


async def test_a_server_that_attaches_to_any_session_is_found() -> None:
    def obliging(transport: Transport, options: ConnectOptions) -> Served:
        return serve(transport, ConnectOptions())

    serve = live()
    found = await failed(None, "live.error.attach_unknown", settings=PATIENT, family="live", serve=obliging)
    assert found == {"live.error.attach_unknown"}
