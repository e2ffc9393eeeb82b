"""The embedded responder keeps the contract and speaks by clauses."""

from duologue.engines.checks import check_responder, responder_request
from duologue.engines.embedded.responder import EmbeddedResponder


async def test_the_embedded_responder_keeps_the_contract() -> None:
    await check_responder(EmbeddedResponder())


async def test_an_answer_comes_by_clauses_that_join_to_it() -> None:
    pieces = [piece async for piece in EmbeddedResponder().respond(responder_request("Hello!"))]
    assert pieces == ["Hello! ", "What can I do for you?"]


async def test_marks_inside_a_number_end_no_clause() -> None:
    pieces = [piece async for piece in EmbeddedResponder().respond(responder_request("What time is it?"))]
    assert pieces == ["It is 3:09 PM."]
