"""Appends: instructions, thinking and commentary."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import append, live_call, spoken

__all__ = ["SCENARIOS"]

_KINDS: Final = {
    "instructions": "Answer in one sentence.",
    "thinking": "The order has been sent.",
    "commentary": "Your parcel arrives on Tuesday.",
}
_TOO_LONG: Final = "order " * 1200
"""More than 500 tokens for any tokenizer: 1200 words."""


@scenario(
    *(f"live.{kind}" for kind in _KINDS),
    "live.commentary.spoken",
    "live.error.long_append",
)
async def _appends_of_each_kind(context: ScenarioContext) -> None:
    """One append of each kind, and one that is too long."""
    async with live_call(context) as call:
        connection = call.connection
        for kind, content in _KINDS.items():
            with context.deciding(f"live.{kind}"):
                id = await connection.send(append(kind, content))
                await connection.until(f"session.{kind}.appended")
                context.follows(f"live.{kind}", connection.since(id))
        with context.deciding("live.commentary.spoken"):
            # The last of them is the commentary; the voice may begin before it is appended.
            connection.rewind(connection.trace.messages.index(connection.since(connection.last_id or "")[0]))
            await spoken(connection)
        await context.expect_rejection("live.error.long_append", connection, append("thinking", _TOO_LONG))


SCENARIOS: Final[tuple[Scenario, ...]] = (_appends_of_each_kind,)
