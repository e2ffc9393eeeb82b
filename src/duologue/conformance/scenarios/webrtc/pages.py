"""What browsers ask for a page of another origin, before and when it creates a call."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.transports.addresses import is_loopback
from duologue.transports.http_answers import HttpAnswer

__all__ = ["SCENARIOS"]

_SDP: Final = "application/sdp"
_HEADERS: Final = ("authorization", "content-type", "x-openai-agents-sdk")
"""Those that the official package sends."""


@scenario("webrtc.preflight", "webrtc.exposes_location", "webrtc.errors_to_pages")
async def _a_page_of_another_origin(context: ScenarioContext) -> None:
    """The preflight, an answer and an error."""
    origin = "http://localhost:3000" if is_loopback(context.calls.url) else "https://conform.example"
    with context.deciding("webrtc.preflight"):
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ", ".join(_HEADERS)}
        answer = await context.calls.ask("OPTIONS", {"Origin": origin, **asked})
        expect(200 <= answer.status < 300, f"HTTP {answer.status}")
        _allows(answer, origin)
        # `*` does not stand for `authorization`: https://fetch.spec.whatwg.org/#cors-preflight-fetch
        allowed = _names(answer, "access-control-allow-headers")
        missing = [each for each in _HEADERS if each not in allowed and (each == _HEADERS[0] or "*" not in allowed)]
        expect(not missing, f"the headers {', '.join(missing)} are not allowed")
    with context.deciding("webrtc.exposes_location"):
        answer = await context.calls.answer_to(lambda offer: (_SDP, offer.encode()), headers={"Origin": origin})
        expect(200 <= answer.status < 300, f"HTTP {answer.status}")
        _allows(answer, origin)
        expect("location" in _names(answer, "access-control-expose-headers"), "Location is not exposed")
    with context.deciding("webrtc.errors_to_pages"):
        answer = await context.calls.answer_to(lambda _: (_SDP, b"no offer"), headers={"Origin": origin})
        expect(answer.status >= 400, f"HTTP {answer.status} to what is no offer")
        _allows(answer, origin)


def _allows(answer: HttpAnswer, origin: str) -> None:
    allowed = answer.headers.get("access-control-allow-origin")
    expect(allowed in ("*", origin), f"with HTTP {answer.status}, access-control-allow-origin is {allowed}")


def _names(answer: HttpAnswer, header: str) -> set[str]:
    return {each.strip().lower() for each in answer.headers.get(header, "").split(",")}


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_page_of_another_origin,)
