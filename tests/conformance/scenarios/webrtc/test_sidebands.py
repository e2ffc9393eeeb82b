"""Servers whose sidebands are others."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.conformance import CallOpener, ConnectOptions, Settings, run
from duologue.transports import Transport
from tests.conformance._calls import HASTY, calling, failed_over_calls
from tests.conformance._servers import Change, ChangingTransport, also, drop, rename

ALL = ("sideband.greeting", "sideband.ends", "sideband.unknown")


async def test_a_correct_server() -> None:
    assert await failed_over_calls(None, *ALL) == set()


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (drop("session.created"), {"sideband.greeting"}),
        (drop("response.content_part.added"), {"sideband.events", "deltas_inside_part", "part_pairs"}),
        (drop("session.updated"), {"sideband.commands"}),
        (also("response.output_audio_transcript.delta", "response.output_audio.delta"), {"sideband.no_audio"}),
        (rename("session.created", "session.updated"), {"sideband.greeting"}),
    ],
)
async def test_a_sideband_with_a_fault(change: Change, rules: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    joined = CallOpener.join

    async def join(self: CallOpener, call_id: str) -> Transport:
        transport: Any = await joined(self, call_id)
        return ChangingTransport(transport, change)

    monkeypatch.setattr(CallOpener, "join", join)
    found = await failed_over_calls(None, "sideband.greeting", settings=HASTY)
    assert rules <= found
    assert {each for each in found if each.startswith("sideband.")} == {
        each for each in rules if each.startswith("sideband.")
    }


async def test_a_server_that_opens_sidebands_to_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling() as opener:
        monkeypatch.setattr(CallOpener, "join", lambda self, call_id: self(ConnectOptions()))
        report = await run(opener, only=["sideband.unknown"], settings=HASTY)
    assert report.of("sideband.unknown").seen == "the server opens it"


async def test_a_sideband_that_stays_open_when_its_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = CallOpener.join

    async def join(self: CallOpener, call_id: str) -> Transport:
        transport: Any = await joined(self, call_id)
        return ChangingTransport(transport, lambda event: (event,), closes=False)

    monkeypatch.setattr(CallOpener, "join", join)
    settings = Settings(timeout=1, pace=0, has_key=True)
    assert await failed_over_calls(None, "sideband.ends", settings=settings) == {"sideband.ends"}
