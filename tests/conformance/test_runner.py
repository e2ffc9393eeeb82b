"""Runs of the suite, against our server and against servers that do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from duologue.conformance import FAMILIES, ConnectOptions, Family, Settings, rules, run
from duologue.conformance.rulebook.any_session import published_types
from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.transports import Transport, memory_pair
from tests.conformance._calls import calling
from tests.conformance._servers import Served, serving

pytestmark = pytest.mark.usefixtures("idle_clock")

QUICK = Settings(timeout=10, pace=0)


async def test_our_server_keeps_every_required_rule() -> None:
    async with serving() as open_transport:
        report = await run(open_transport, settings=QUICK)
    needs_a_key = {rule_id for rule_id in rules() if rule_id.startswith("error.invalid_api")}
    assert {each.rule.id for each in report.unmet} <= needs_a_key
    assert len(report.named("passed")) > 95


async def test_our_server_keeps_every_required_rule_over_webrtc() -> None:
    async with calling() as opener:
        report = await run(opener, settings=Settings(timeout=10, pace=0, has_key=True))
    # The scripted answer is generated before speech is detected.
    assert {each.rule.id for each in report.unmet} <= {"vad.no_interrupt"}
    assert report.named("failed") == frozenset()
    assert len(report.named("passed")) > 140
    assert {"barge_in.websocket", "connect.beta", "error.commit_empty"} <= report.named("skipped")


async def test_rules_of_the_other_medium_are_skipped_and_their_scenarios_not_played() -> None:
    played: list[str] = []
    async with calling() as opener:
        report = await run(
            opener,
            only=["barge_in.websocket", "webrtc.created"],
            settings=QUICK,
            watch=lambda each: played.append(each.name),
        )
    assert report.of("barge_in.websocket").seen == "only over a WebSocket"
    assert report.of("webrtc.created").outcome == "passed"
    assert played == ["a call is created"]


async def test_calls_are_of_realtime_alone() -> None:
    async with calling() as opener:
        with pytest.raises(ValueError, match="sessions of Live are not tried over WebRTC"):
            await run(opener, family="live", settings=QUICK)


async def test_only_the_rules_that_are_named_are_reported_and_only_their_scenarios_are_played() -> None:
    played: list[str] = []
    async with serving() as open_transport:
        report = await run(
            open_transport,
            only=["item.root", "item.insert"],
            settings=QUICK,
            watch=lambda scenario: played.append(scenario.name),
        )
    assert [each.rule.id for each in report.findings] == ["item.root", "item.insert"]
    assert report.holds
    assert played == ["items in their places"]


async def test_an_invariant_is_looked_for_in_every_scenario() -> None:
    played: list[str] = []

    async def closed(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.close()
        return ours

    await run(closed, only=["one_object"], settings=QUICK, watch=lambda each: played.append(each.name))
    assert len(played) > 20


async def test_a_server_that_never_answers_ends_the_run_in_the_time_that_was_given() -> None:
    async def silent(options: ConnectOptions) -> Transport:
        return memory_pair(capacity=100_000)[0]

    async with asyncio.timeout(5):
        report = await run(silent, only=["connect.realtime", "vad.turn"], settings=Settings(timeout=0.05, pace=0))
    assert report.of("connect.realtime").seen == "no session.created within 0.05 s; the last event was nothing"
    assert report.named("inconclusive") == {"vad.turn"}


async def test_a_server_that_closes_is_reported_with_its_code() -> None:
    async def closing(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.close(4000, "not today")
        return ours

    report = await run(closing, only=["connect.realtime"], settings=QUICK)
    assert report.of("connect.realtime").seen == "session.created was expected, and the server closed with 4000"


async def test_events_of_another_shape_are_a_finding_and_no_crash() -> None:
    async def odd(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        for text in (
            '{"type": "session.created", "session": 7}',
            "[]",
            '{"type": "response.done", "response": {"output": 3}}',
        ):
            await theirs.send(text)
        return ours

    report = await run(odd, only=["session.defaults", "session.full_echo"], settings=Settings(timeout=0.05, pace=0))
    assert not report.holds
    assert report.found["one_object"].seen == "it is an array"


class Nonsense:
    """Answers every event with every event that the family has, each with other fields than it should have."""

    def __init__(self, transport: Transport, types: list[str], fields: Mapping[str, Any]) -> None:
        self._transport = transport
        self._types = types
        self._fields = fields

    async def run(self) -> None:
        """Answer until the client is gone."""
        with suppress(ConnectionClosed):
            for type in self._types:
                await self._transport.send(msgspec.json.encode({"type": type, **self._fields}).decode())
            while True:
                await self._transport.receive()
                for type in self._types:
                    await self._transport.send(msgspec.json.encode({"type": type, **self._fields}).decode())


ODD_FIELDS: tuple[dict[str, Any], ...] = (
    {},
    {"session": 7, "delta": 7, "delegation": "x", "event": [], "usage": None, "error": "x", "item": 3, "response": []},
    {
        "session": {"id": [], "audio": 3, "delegation": {"responses": {"tools": 3}}},
        "delta": "AAAA",
        "start_ms": "x",
        "end_ms": None,
        "elapsed_ms": "x",
        "delegation": {"id": None, "target": 3},
        "event": {"type": "response.completed", "item": 7, "response": 7},
        "usage": {"seconds": "x"},
        "error": {"code": 3, "message": None, "client_event_id": 5, "event_id": 5},
    },
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("fields", ODD_FIELDS)
async def test_a_server_that_talks_nonsense_is_a_report_and_no_crash(family: Family, fields: dict[str, Any]) -> None:
    types = sorted(published_types(family))

    def nonsense(transport: Transport, options: ConnectOptions) -> Served:
        return Nonsense(transport, types, fields)

    async with serving(serve=nonsense) as open_transport:
        report = await run(open_transport, family=family, settings=Settings(timeout=0.05, pace=0, scenario_timeout=5))
    assert not report.holds
    assert len(report.findings) == len(rules(family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("closes", [False, True])
async def test_a_server_that_never_answers_or_closes_at_once_is_a_report_and_no_crash(
    family: Family, closes: bool
) -> None:
    async def mute(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair(capacity=100_000)
        if closes:
            await theirs.close()
        return ours

    report = await run(mute, family=family, settings=Settings(timeout=0.05, pace=0, scenario_timeout=5))
    assert not report.holds


async def test_a_scenario_that_takes_too_long_is_given_up() -> None:
    async with serving() as open_transport:
        report = await run(
            open_transport, only=["vad.turn"], settings=Settings(timeout=1, pace=1, scenario_timeout=0.1)
        )
    assert report.of("vad.turn").seen == "the scenario was not over within 0.1 s"


async def test_a_server_that_cannot_be_reached_is_no_finding_but_an_error() -> None:
    async def nowhere(options: ConnectOptions) -> Transport:
        raise ConnectFailed("no route", retryable=True)

    with pytest.raises(ConnectFailed, match="no route"):
        await run(nowhere)


async def test_a_rule_that_does_not_exist_is_an_error_before_anything_is_opened() -> None:
    async with serving() as open_transport:
        with pytest.raises(KeyError, match="no rule no such rule"):
            await run(open_transport, only=["no such rule"])
