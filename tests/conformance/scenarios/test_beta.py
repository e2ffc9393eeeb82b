"""The rules of the beta: checked with servers that support it, skipped with others."""

from __future__ import annotations

import pytest

from duologue.conformance import ConnectOptions, NotApplicable, Settings, rules, run
from duologue.transports import Transport, memory_pair
from tests.conformance._beta import beta_server

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
async def test_an_event_that_a_server_of_the_beta_omits_is_found(missing: str, rule_id: str) -> None:
    async with beta_server(without=missing) as open_transport:
        report = await run(open_transport, only=BETA, settings=HASTY)
    assert report.named("failed") == {rule_id}


async def test_a_server_that_rejects_the_beta_skips_its_rules() -> None:
    async def rejecting(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.send('{"type": "error", "error": {"code": "beta_api_shape_disabled"}}')
        await theirs.close(4000)
        return ours

    report = await run(rejecting, only=[*BETA, "error.beta_disabled"], settings=HASTY)
    assert report.named("skipped") == set(BETA)
    assert report.named("passed") == {"error.beta_disabled"}


async def test_a_server_that_ignores_the_header_skips_the_rules_of_the_beta() -> None:
    async def current(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        await theirs.send('{"type": "session.created", "session": {"type": "realtime"}}')
        return ours

    report = await run(current, only=[*BETA, "error.beta_disabled"], settings=HASTY)
    assert report.named("skipped") == {*BETA, "error.beta_disabled"}


async def test_a_connector_without_the_beta_skips_its_rules() -> None:
    async def without_beta(options: ConnectOptions) -> Transport:
        if options.beta:
            raise NotApplicable("a pipe in memory has no headers")
        return memory_pair()[0]

    report = await run(without_beta, only=BETA, settings=HASTY)
    assert report.named("skipped") == set(BETA)
