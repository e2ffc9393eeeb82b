"""Faults of the answers that create calls."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.conformance import Settings
from tests.conformance._calls import Answered, failed_over_calls

CANDIDATE = "a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n"
STREAM = "a=msid:stream track\r\n"
OFFERS = {"webrtc.invalid_offer", "webrtc.without_opus"}
OTHER_CODE = b'{"error":{"message":"x","code":"bad"}}'
HASTY = Settings(timeout=0.5, pace=0, has_key=True)


def answer(status: int, *, to: int, body: bytes | None = None, **headers: str | None) -> Answered:
    """Answers of one status are another one; a header that is None is left out."""

    def change(given: int, had: dict[str, str], content: bytes) -> tuple[int, dict[str, str], bytes]:
        if given != to:
            return given, had, content
        kept = {name: value for name, value in had.items() if headers.get(name.replace("-", "_"), value) is not None}
        named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        return status, {**kept, **named}, content if body is None else body

    return change


@pytest.mark.parametrize(
    ("faults", "only", "rules"),
    [
        ({}, "webrtc.created", set()),
        ({"answered": answer(200, to=201)}, "webrtc.created", {"webrtc.created"}),
        ({"answered": answer(201, to=201, content_type="application/json")}, "webrtc.created", {"webrtc.created"}),
        ({"answered": answer(201, to=201, location=None)}, "webrtc.created", {"webrtc.location"}),
        ({"answered": answer(201, to=201, location="/elsewhere")}, "webrtc.created", {"webrtc.location"}),
        ({"lines": STREAM}, "webrtc.created", {"webrtc.candidates"}),
        ({"lines": CANDIDATE}, "webrtc.created", {"webrtc.stream"}),
        ({}, "webrtc.no_candidates", set()),
        ({}, "webrtc.form", set()),
        ({}, "webrtc.invalid_offer", set()),
        ({"answered": answer(422, to=400)}, "webrtc.invalid_offer", OFFERS),
        ({"answered": answer(400, to=400, body=b"no")}, "webrtc.invalid_offer", OFFERS),
        ({"answered": answer(400, to=400, body=OTHER_CODE)}, "webrtc.invalid_offer", OFFERS),
        ({}, "webrtc.wrong_key", set()),
        ({"answered": answer(403, to=401)}, "webrtc.wrong_key", {"webrtc.wrong_key"}),
        ({"answered": answer(401, to=401, body=b"<p>no")}, "webrtc.wrong_key", {"webrtc.wrong_key"}),
    ],
)
async def test_a_fault_fails_the_rules_about_it(faults: dict[str, Any], only: str, rules: set[str]) -> None:
    assert await failed_over_calls(None, only, settings=HASTY, **faults) == rules


async def test_a_server_that_ignores_the_part_with_the_session() -> None:
    def other_words(event: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        if event["type"] == "session.created":
            event["session"]["instructions"] = "other"
        return (event,)

    assert await failed_over_calls(other_words, "webrtc.form", settings=HASTY) == {"webrtc.form"}


@pytest.mark.parametrize("rule", ["webrtc.no_candidates", "webrtc.form"])
async def test_a_server_that_refuses_what_is_special_about_an_offer(rule: str) -> None:
    calls: list[int] = []

    def refuses_later_ones(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        calls.append(status)
        return (status if len(calls) == 1 else 400), headers, body  # the first shows that there is a server

    assert await failed_over_calls(None, rule, answered=refuses_later_ones, settings=HASTY) == {rule}
