"""The start of a translation session and its configuration, with servers that break one rule."""

from __future__ import annotations

from duologue.conformance import rules, run
from tests.conformance._servers import Change, drop, edit, serving
from tests.conformance._translations import translation
from tests.conformance.scenarios._faults import HASTY
from tests.conformance.scenarios.translation._translation_faults import Fault, broken, each, refuse_after

FAULTS: list[Fault] = [
    ("no greeting", drop("session.created"), "connect", "connect"),
    ("no model", edit("session.created", "session.model", ...), "connect", "session fields"),
    ("updates are not confirmed", drop("session.updated"), "connect", "update"),
    ("another language", edit("session.updated", "session.audio.output.language", "de"), "connect", "language sparse"),
    ("settings are refused", refuse_after(3), "connect", "settings sparse"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await broken(change, only) == set(rules.split())


async def test_our_server_keeps_every_rule() -> None:
    async with serving(serve=translation) as open_transport:
        report = await run(open_transport, family="translation", settings=HASTY)
    assert report.unmet == []
    assert report.named("passed") == rules("translation").keys() - {"translation.error.invalid_api_key"}
