"""Text, speech and calls of one response, in the order in which they may be reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.engines.base import FunctionCall
from duologue.engines.checks import responder_request
from duologue.errors import EngineError
from duologue.protocol import Respond
from duologue.server.session.response_pipeline import answer
from duologue.testing import scripted_engines
from tests.server._engines import Calling, failing
from tests.server.session.test_prompt import command

CALL = FunctionCall(name="f", arguments="{}")


class Recorded:
    """Records what is reported; audio by its length, one entry for each run."""

    def __init__(self, *, max_pieces: int = 100) -> None:
        self.all: list[str | int] = []
        self._max_pieces = max_pieces

    async def text(self, piece: str, /) -> bool:
        self.all.append(piece)
        return len(self.all) < self._max_pieces

    async def clause(self, clause: str, /) -> None:
        self.all.append(f"<{clause}>")

    async def audio(self, audio: bytes, /) -> None:
        if self.all and isinstance(self.all[-1], int):
            self.all[-1] += len(audio)
        else:
            self.all.append(len(audio))

    async def call(self, call: FunctionCall, /) -> None:
        self.all.append(f"{call.name}()")


async def reported(*pieces: str | FunctionCall, **changes: object) -> list[str | int]:
    engines = replace(scripted_engines(), responder=Calling(*pieces))
    sink = Recorded()
    respond: Respond = command(**changes)
    async with asyncio.timeout(5):
        await answer(respond, responder_request("hi"), engines, sink)
    return sink.all


async def test_a_call_waits_until_the_words_before_it_are_spoken() -> None:
    heard = await reported("One moment, please. ", "I look.", CALL, CALL, speak=True)
    order = [entry for entry in heard if entry not in ("One moment, please. ", "I look.")]
    assert order == ["<One moment, please.>", order[1], "<I look.>", order[3], "f()", "f()"]
    assert [isinstance(order[place], int) for place in (1, 3)] == [True, True]


async def test_words_behind_a_call_wait_until_it_is_reported() -> None:
    heard = await reported("One. ", CALL, "Two.", speak=True)
    assert [entry for entry in heard if isinstance(entry, str)] == ["One. ", "<One.>", "f()", "Two.", "<Two.>"]


async def test_every_clause_is_named_before_its_first_audio_and_lies_in_the_reported_text() -> None:
    heard = await reported("First. ", "Second, and a little longer, so that it is cut. ", "Third", speak=True)
    text = ""
    for place, entry in enumerate(heard):
        if isinstance(entry, str) and entry.startswith("<"):
            assert entry[1:-1] in text
        elif isinstance(entry, str):
            text += entry
        else:
            before = [other for other in heard[:place] if isinstance(other, str) and other.startswith("<")]
            assert before
    clauses = [entry[1:-1] for entry in heard if isinstance(entry, str) and entry.startswith("<")]
    assert " ".join(clauses) == text.strip()


async def test_calls_alone_are_reported_without_audio() -> None:
    assert await reported(CALL, speak=True) == ["f()"]


async def test_without_speech_words_and_calls_are_reported_as_they_come() -> None:
    assert await reported("Well, ", CALL, "done.") == ["Well, ", "f()", "done."]


@pytest.mark.parametrize("encoding", [PCM, PCMU])
async def test_speech_is_as_long_with_a_call_in_the_middle_as_without(encoding: object) -> None:
    whole = await reported("One. ", "Two.", speak=True, encoding=encoding)
    cut = await reported("One. ", CALL, "Two.", speak=True, encoding=encoding)
    assert sum(e for e in whole if isinstance(e, int)) == sum(e for e in cut if isinstance(e, int)) > 0


async def test_a_voice_that_fails_stops_the_words_and_the_calls() -> None:
    engines = replace(scripted_engines(), responder=Calling("One. ", CALL), synthesizer=failing("no voice today"))
    sink = Recorded()
    with pytest.raises(EngineError, match="no voice today"):
        await answer(command(speak=True), responder_request("hi"), engines, sink)
    assert "f()" not in sink.all


async def test_when_no_more_is_wanted_the_reported_text_is_still_spoken() -> None:
    engines = replace(scripted_engines(), responder=Calling("One ", "two ", "three."))
    sink = Recorded(max_pieces=2)
    await answer(command(speak=True), responder_request("hi"), engines, sink)
    assert sink.all[:3] == ["One ", "two ", "<One two>"]
    assert isinstance(sink.all[3], int)
