"""Questions that the Decision API answers."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import NotApplicable, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import APPEND, start
from duologue.conformance.wire.audio_feed import AudioFeed

__all__ = ["SCENARIOS"]

_KEYS: Final = ("delegation_id", "trigger_id", "source_event_id", "source_event_type")
_QUESTION: Final = {"type": "predicate", "name": "greets", "instructions": "Does the user greet?"}


@scenario("live.decision.items", "live.decision.event", "live.error.decision_reused")
async def _a_decision(context: ScenarioContext) -> None:
    """An item for decisions, and a decision that the client asks for twice."""
    delegation = {"type": "decisions", "decisions": {"model": context.settings.backend_model, "questions": [_QUESTION]}}
    async with context.open() as connection:
        answer = await connection.answer(start(context, delegation=delegation), "session.started", "error")
        if answer.type == "error":
            raise NotApplicable("the server has no decisions")
        async with AudioFeed.on(connection, append=APPEND):
            with context.deciding("live.decision.items"):
                item = {"role": "user", "content": "Good morning."}
                id = await connection.send({"type": "decision.item.create", "item": item})
                created = await connection.until("decision.item.created")
                gone = {"type": "decision.item.delete", "item_id": created.get("item.id")}
                await connection.answer(gone, "decision.item.deleted")
                context.follows("live.decision.items", connection.since(id))
            ask = {"type": "decision.create", "event_id": "conform_decision"}
            with context.deciding("live.decision.event"):
                decided = await connection.answer(ask, "decision.event")
                lacking = [name for name in _KEYS if name not in decided.event]
                expect(not lacking, f"decision.event lacks {', '.join(lacking)}")
            await context.expect_rejection("live.error.decision_reused", connection, ask)


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_decision,)
