"""What a server refuses, and at the door."""

from __future__ import annotations

from typing import Final

import msgspec

from duologue.conformance.outcomes import NotApplicable, Violation, expect
from duologue.conformance.rulebook.rules import ErrorRule, errors
from duologue.conformance.scenario_context import Bench, alive
from duologue.conformance.scenarios.base import Scenario, create, scenario
from duologue.conformance.wire.connector import ConnectOptions

__all__ = ["SCENARIOS"]

_PROVOKED: Final = tuple(rule_id for rule_id, rule in errors().items() if rule.provoke and not rule.skip)
_LONGEST_ID: Final = 512
_MOST_PAIRS: Final = 16

_DOORS: Final = {
    "error.invalid_api_key": ConnectOptions(api_key="sk-conform-is-no-key"),
    "error.invalid_model": ConnectOptions(model="conform-is-no-model"),
    "error.missing_model": ConnectOptions(model=""),
    "error.beta_disabled": ConnectOptions(beta=True),
}


@scenario(*_PROVOKED)
async def _refusals(bench: Bench) -> None:
    """Everything that is wrong by itself, one after the other in one session, which survives all of it."""
    async with bench.session() as line:
        for rule_id in _PROVOKED:
            rule = errors()[rule_id]
            if rule.binary or not rule.provoke.startswith("{"):
                with bench.deciding(rule_id):
                    await line.send_raw(rule.provoke.encode() if rule.binary else rule.provoke)
                    await bench.invalid(rule_id, line)
            else:
                await bench.refused(rule_id, line, msgspec.json.decode(rule.provoke))


@scenario("error.event_id_too_long", "error.metadata_too_large")
async def _too_much(bench: Bench) -> None:
    """More than the published limits allow."""
    async with bench.session() as line:
        event = {"type": "session.update", "event_id": "x" * (_LONGEST_ID + 1), "session": {"type": "realtime"}}
        with bench.deciding("error.event_id_too_long"):
            await line.answer(event, "error")
            await alive(line)
        metadata = {f"key_{number}": "value" for number in range(_MOST_PAIRS + 1)}
        await bench.refused("error.metadata_too_large", line, create(metadata=metadata))


@scenario(*_DOORS)
async def _doors(bench: Bench) -> None:
    """Connections that a server turns away: it says why and then closes, both at once."""
    for rule_id, opening in _DOORS.items():
        with bench.deciding(rule_id):
            await _turned_away(bench, errors()[rule_id], opening)


async def _turned_away(bench: Bench, rule: ErrorRule, opening: ConnectOptions) -> None:
    async with bench.open(opening) as line:
        first = await line.until("error", "session.created")
        if first.type == "session.created":
            if opening.beta:
                raise NotApplicable("the server lets the beta's header in")
            if opening.api_key is not None and not bench.settings.has_key:
                raise NotApplicable("the server asks for no key")
            raise Violation("the server lets everybody in")
        expect(first.get("error.code") in rule.codes, f"error.code is {first.get('error.code')}")
        await line.quiet()
        closed = line.trace.closed
        expect(closed is not None, "the server does not close")
        expect(closed is not None and closed[0] == rule.close, f"the server closes with {closed}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_refusals, _too_much, _doors)
