"""Decisions, with a made-up server that has them: our own has none."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from duologue.conformance import ConnectOptions, run
from duologue.errors import ConnectionClosed
from duologue.transports import Transport
from tests.conformance._lives import live
from tests.conformance._servers import Change, Served, drop, edit, serving
from tests.conformance.rulebook._traces import SESSION
from tests.conformance.scenarios.live._live_faults import PATIENT

RULES = ("decision.items", "decision.event", "error.decision_reused")

KEYS = {"delegation_id": None, "trigger_id": None, "source_event_id": None, "source_event_type": None}
DECISION = {"type": "decision.completed", "decision": {"model": "m", "answers": [], "usage": {}}}
ANSWERS: dict[str, dict[str, Any]] = {
    "session.start": {"type": "session.started", "session": SESSION},
    "session.input_audio.unmute": {"type": "session.input_audio.unmuted"},
    "decision.item.create": {"type": "decision.item.created", "item": {"id": "item_1", "role": "user", "content": "x"}},
    "decision.item.delete": {"type": "decision.item.deleted", "item_id": "item_1"},
    "decision.create": {"type": "decision.event", "event": DECISION, **KEYS},
}


class Deciding:
    """A session that decides, and refuses an id that was used."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._used: set[str] = set()

    async def run(self) -> None:
        """Answer until the client is gone."""
        while True:
            try:
                event = msgspec.json.decode(await self._transport.receive())
            except ConnectionClosed:
                return
            answer = ANSWERS.get(event["type"])
            if event["type"] == "decision.create" and event["event_id"] in self._used:
                error = {"type": "invalid_request_error", "code": "invalid_value", "message": "It was used."}
                answer = {"type": "error", "error": error}
            if answer is not None:
                self._used.add(event["event_id"])
                answer = {"event_id": f"s_{event['event_id']}", "client_event_id": event["event_id"], **answer}
                await self._transport.send(msgspec.json.encode(answer).decode())
            await asyncio.sleep(0)


def deciding(transport: Transport, options: ConnectOptions) -> Served:
    """A session that decides."""
    return Deciding(transport)


async def _outcomes(change: Change | None) -> dict[str, str]:
    async with serving(change, serve=deciding) as open_transport:
        only = [f"live.{rule}" for rule in RULES]
        report = await run(open_transport, family="live", only=only, settings=PATIENT)
    return {each.rule.id.removeprefix("live."): each.outcome for each in report.findings}


async def test_a_server_with_decisions_keeps_the_rules() -> None:
    assert await _outcomes(None) == dict.fromkeys(RULES, "passed")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (drop("decision.item.deleted"), "decision.items"),
        (edit("decision.event", "trigger_id", ...), "decision.event"),
        (drop("error"), "error.decision_reused"),
    ],
)
async def test_a_fault_fails_the_rule_about_it_and_no_other(change: Change, rule: str) -> None:
    assert await _outcomes(change) == {each: "failed" if each == rule else "passed" for each in RULES}


async def test_a_server_without_decisions_is_not_held_to_them() -> None:
    async with serving(serve=live()) as open_transport:
        report = await run(open_transport, family="live", only=["live.decision.event"], settings=PATIENT)
    assert report.of("live.decision.event").seen == "the server has no decisions"
    assert report.holds
