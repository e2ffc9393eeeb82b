"""How a call is created: one POST with an offer, and its answer."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from duologue.conformance.outcomes import NotApplicable, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.wire.call_opener import form
from duologue.conformance.wire.connector import ConnectOptions
from duologue.errors import ConnectFailed
from duologue.transports.http_answers import HttpAnswer
from duologue.transports.webrtc.candidates import candidates_in, has_stream, usable, without_candidates

__all__ = ["SCENARIOS", "error_in"]

_SDP: Final = "application/sdp"
_WORDS: Final = "Answer like a conformance suite."
_OPUS: Final = re.compile(r"opus/48000", re.IGNORECASE)


@scenario("webrtc.created", "webrtc.location", "webrtc.candidates", "webrtc.stream")
async def _a_call_is_created(context: ScenarioContext) -> None:
    """The answer to an offer."""
    async with context.open() as connection:
        answer = connection.opened.answer
        sdp = answer.body.decode("utf-8", "replace")
        with context.deciding("webrtc.created"):
            kind = answer.headers.get("content-type", "none")
            expect(answer.status == 201, f"HTTP {answer.status}")
            expect(kind.partition(";")[0].strip().lower() == _SDP, f"the content type is {kind}")
        with context.deciding("webrtc.location"):
            location = answer.headers.get("location")
            expect(location is not None, "no Location")
            named = urlsplit(location or "").path
            expect(bool(re.search(r"/realtime/calls/[^/]+$", named)), f"Location leads to {named or 'nothing'}")
        with context.deciding("webrtc.candidates"):
            expect(bool(usable(candidates_in(sdp))), "the answer names no address")
        with context.deciding("webrtc.stream"):
            expect(has_stream(sdp), "no a=msid with the id of a stream")
        await connection.until("session.created")


@scenario("webrtc.no_candidates")
async def _an_offer_without_candidates(context: ScenarioContext) -> None:
    """As the official samples post it."""
    with context.deciding("webrtc.no_candidates"):
        try:
            opened = await context.calls.create(lambda offer: (_SDP, offer.encode()), changed=without_candidates)
        except ConnectFailed as fault:
            raise Violation(f"refused: {fault}") from fault
        async with context.over(opened.transport, opened=opened) as connection:
            await connection.until("session.created")


@scenario("webrtc.form")
async def _a_form_with_the_session(context: ScenarioContext) -> None:
    """Parts with content types, as curl and the official package send them, and without, as browsers do."""
    session: dict[str, Any] = {"type": "realtime", "instructions": _WORDS}
    if context.calls.model is not None:
        session["model"] = context.calls.model
    text = msgspec.json.encode(session).decode()
    with context.deciding("webrtc.form"):
        for kinds in ((_SDP, "application/json"), (None, None)):
            how = "with" if kinds[0] else "without"
            try:
                opened = await context.calls.create(
                    lambda offer, kinds=kinds: form({"sdp": (kinds[0], offer), "session": (kinds[1], text)})  # type: ignore[misc]  # a default
                )
            except ConnectFailed as fault:
                raise Violation(f"parts {how} content types are refused: {fault}") from fault
            async with context.over(opened.transport, opened=opened) as connection:
                created = await connection.until("session.created")
                expect(
                    created.get("session.instructions") == _WORDS,
                    f"the session of parts {how} content types is not used",
                )


@scenario("webrtc.invalid_offer", "webrtc.without_opus")
async def _offers_that_are_refused(context: ScenarioContext) -> None:
    """What is no SDP, and an offer without Opus."""
    with context.deciding("webrtc.invalid_offer"):
        answer = await context.calls.answer_to(lambda _: (_SDP, b"this is no offer"))
        expect(answer.status == 400, f"HTTP {answer.status}")
        error = error_in(answer)
        found = error.get("type"), error.get("code")
        expect(found == ("invalid_request_error", "invalid_offer"), f"error.type and error.code are {found}")
    with context.deciding("webrtc.without_opus"):
        answer = await context.calls.answer_to(lambda offer: (_SDP, _OPUS.sub("speex/16000", offer).encode()))
        expect(answer.status == 400, f"HTTP {answer.status}")
        expect(error_in(answer).get("code") == "invalid_offer", f"error.code is {error_in(answer).get('code')}")


@scenario("webrtc.wrong_key")
async def _a_call_with_a_wrong_key(context: ScenarioContext) -> None:
    """A call with a key that is none."""
    with context.deciding("webrtc.wrong_key"):
        options = ConnectOptions(api_key="sk-conform-is-no-key")
        answer = await context.calls.answer_to(lambda offer: (_SDP, offer.encode()), options=options)
        if 200 <= answer.status < 300 and not context.settings.has_key:
            raise NotApplicable("the server requires no key")
        expect(answer.status == 401, f"HTTP {answer.status}")
        error_in(answer)


def error_in(answer: HttpAnswer) -> dict[str, Any]:
    """The error of an HTTP answer. Raises Violation if it has none of the published shape."""
    try:
        error = msgspec.json.decode(answer.body)["error"]
        if isinstance(error, dict) and isinstance(error["message"], str) and error["message"]:
            return error
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        pass  # told below
    raise Violation(f"the answer with HTTP {answer.status} is no JSON with an error and its message")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_call_is_created,
    _an_offer_without_candidates,
    _a_form_with_the_session,
    _offers_that_are_refused,
    _a_call_with_a_wrong_key,
)
