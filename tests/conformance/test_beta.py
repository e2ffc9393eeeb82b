"""The rules of the beta: for servers that speak it, and not held against others."""

from __future__ import annotations

import pytest

from duologue.conformance import ConnectOptions, NotApplicable, Settings, rules, run
from duologue.transports import Transport, memory_pair
from tests.conformance._beta import beta_server

pytestmark = pytest.mark.usefixtures("idle_clock")

BETA = [rule_id for rule_id, rule in rules().items() if rule.era == "beta"]
HASTY = Settings(timeout=0.2, pace=0)


async def test_a_server_of_the_beta_keeps_its_rules() -> None:
    async with beta_server() as open_transport:
        report = await run(open_transport, only=BETA, settings=HASTY)
    assert report.named("passed") == set(BETA), report.unmet


@pytest.mark.parametrize(
    ("missing", "rule_id"),
    [
        ("conversation.created", "connect.beta"),
        ("response.text.done", "response.text.beta"),
        ("response.audio.done", "response.audio.beta"),
        ("transcription_session.updated", "transcription.session.beta"),
    ],
)
async def test_what_a_server_of_the_beta_leaves_out_is_found(missing: str, rule_id: str) -> None:
    async with beta_server(without=missing) as open_transport:
        report = await run(open_transport, only=BETA, settings=HASTY)
    assert report.named("failed") == {rule_id}


async def test_a_server_that_turns_the_beta_away_is_not_held_to_its_rules() -> None:
    async def refusing(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.send('{"type": "error", "error": {"code": "beta_api_shape_disabled"}}')
        await theirs.close(4000)
        return ours

    report = await run(refusing, only=[*BETA, "error.beta_disabled"], settings=HASTY)
    assert report.named("skipped") == set(BETA)
    assert report.named("passed") == {"error.beta_disabled"}


async def test_a_server_that_takes_no_notice_of_the_header_is_not_held_to_the_betas_rules() -> None:
    async def current(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.send('{"type": "session.created", "session": {"type": "realtime"}}')
        return ours

    report = await run(current, only=[*BETA, "error.beta_disabled"], settings=HASTY)
    assert report.named("skipped") == {*BETA, "error.beta_disabled"}


async def test_what_cannot_be_opened_for_the_beta_is_not_held_against_a_server() -> None:
    async def no_door(options: ConnectOptions) -> Transport:
        if options.beta:
            raise NotApplicable("a pipe in memory has no door")
        return memory_pair()[0]

    report = await run(no_door, only=BETA, settings=HASTY)
    assert report.named("skipped") == set(BETA)
