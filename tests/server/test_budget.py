"""Memory in bytes: what sessions hold, whose it is, and that all of it comes back."""

from __future__ import annotations

import random

import pytest

from duologue.protocol import SessionDefaults
from duologue.server.budget import Budget
from tests.protocol._invalid_requests import Provoked

MIB = 1024 * 1024


def budget_of(*, max_bytes: int = 100 * MIB, max_owner_bytes: int = 100 * MIB) -> Budget:
    return Budget(max_bytes=max_bytes, max_owner_bytes=max_owner_bytes)


def test_what_one_owner_may_not_hold_another_may_up_to_the_limit_of_all() -> None:
    budget = budget_of(max_bytes=100, max_owner_bytes=60)
    one, two, other = budget.share("key 1"), budget.share("key 1"), budget.share("key 2")
    assert one.charge("items", 50) is None
    assert two.charge("audio", 20) == "owner_full"
    assert other.charge("audio", 50) is None
    assert other.charge("audio", 5) == "server_full"
    assert (budget.rejected["owner_full"], budget.rejected["server_full"]) == (1, 1)
    assert (budget.held["items"], budget.held["audio"]) == (50, 50)


def test_what_is_there_already_is_counted_even_above_the_limit() -> None:
    budget = budget_of(max_bytes=100)
    share = budget.share("key 1")
    assert share.charge("items", 150, True) is None
    assert share.charge("items", 1) == "server_full"
    assert share.charge("items", -100) is None
    assert budget.total_bytes == 50


def test_a_share_that_is_closed_gives_everything_back_and_counts_nothing_more() -> None:
    budget = budget_of()
    share = budget.share("key 1")
    share.charge("items", 50)
    share.charge("audio", 50)
    share.close()
    share.charge("audio", -50)
    share.charge("audio", 50)
    share.close()
    assert (budget.total_bytes, dict(budget.owners), set(budget.held.values())) == (0, {}, {0})


# --- sessions


def _with_speech(session: Provoked, number: int) -> None:
    session.respond()
    for response in list(session.protocol._responses._running):
        session.protocol.response_text(response, f"Words number {number}. " * 20, now=0.0)
        session.protocol.response_audio(response, bytes(9_600), now=0.0)


def _session_ends(session: Provoked) -> None:
    for response in list(session.protocol._responses._running):
        session.protocol.response_finished(response, now=0.0)


def _transcribed(session: Provoked, *, well: bool) -> None:
    for item_id in list(session.protocol._input._transcribing):
        if well:
            session.protocol.transcribed(item_id, "What was said.", now=0.0)
        else:
            session.protocol.transcription_failed(item_id, "no", now=0.0)


def _deletes(session: Provoked, dice: random.Random) -> None:
    ids = [entry.item_id for entry in session.protocol.conversation]
    if ids:
        session.about("delete", dice.choice(ids))


def _truncates(session: Provoked) -> None:
    for entry in session.protocol.conversation:
        session.about("truncate", entry.item_id, content_index=0, audio_end_ms=20)


def _step(session: Provoked, dice: random.Random, number: int) -> None:
    match dice.randrange(12):
        case 0:
            session.message("x" * dice.randrange(40_000))
        case 1:
            session.append(dice.randrange(1, 100_000))
        case 2:
            session.send("input_audio_buffer.commit")
        case 3:
            session.send("input_audio_buffer.clear")
        case 4:
            session.session(instructions="x" * dice.randrange(30_000))
        case 5:
            _with_speech(session, number)
        case 6:
            _session_ends(session)
        case 7:
            session.send("response.cancel")
        case 8:
            _transcribed(session, well=dice.random() < 0.5)
        case 9:
            _truncates(session)
        case 10:
            session.respond(conversation="none", instructions="x" * dice.randrange(9_000))
        case _:
            _deletes(session, dice)
    session.take()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_session_does_what_it_holds_is_counted_and_comes_back(seed: int) -> None:
    dice, budget = random.Random(seed), budget_of(max_bytes=400_000)
    session = Provoked(SessionDefaults(max_audio_bytes=60_000, max_session_bytes=300_000), budget=budget)
    transcription = {"model": "m"} if seed % 2 else None
    session.session(audio={"input": {"turn_detection": None, "transcription": transcription}})
    for number in range(200):
        _step(session, dice, number)
        conversation = session.protocol.conversation
        assert budget.held["items"] == sum(entry.cost_bytes for entry in conversation)
        assert budget.held["audio"] == sum(len(entry.audio) for entry in conversation) + sum(
            entry.transcribing_bytes for entry in session.protocol._input._transcribing.values()
        )
        assert budget.held["input"] >= sum(map(len, session.protocol._input._audio._pieces))
    _session_ends(session)
    _transcribed(session, well=True)
    session.send("input_audio_buffer.clear")
    for entry in list(session.protocol.conversation):
        session.about("delete", entry.item_id)
    session.send("response.cancel")
    for response in list(session.protocol._responses._running):
        session.send("response.cancel", response_id=response)
    assert budget.held["input"] <= 2 * 65_536  # in steps, so that most appends need not ask
    assert {kind for kind, held in budget.held.items() if held} <= {"configuration", "input"}


def test_when_a_session_may_hold_no_more_its_audio_is_refused_until_it_lets_go_of_some() -> None:
    session = Provoked(SessionDefaults(max_session_bytes=300_000))
    session.session(audio={"input": {"turn_detection": None}})
    assert session.append(200_000) == []
    [error] = session.append(100_000)
    assert error["error"]["message"].startswith("The session takes up to 300000 bytes")
    session.send("input_audio_buffer.clear")
    assert session.append(200_000) == []


def test_speech_that_does_not_fit_is_said_all_the_same_and_not_kept() -> None:
    session = Provoked(SessionDefaults(max_audio_bytes=20_000))
    session.respond()
    session.protocol.response_text("resp_1", "Hi.", now=0.0)
    session.protocol.response_audio("resp_1", bytes(48_000), now=0.0)
    assert sum(event["type"] == "response.output_audio.delta" for event in session.take()) == 5
    session.protocol.response_finished("resp_1", now=0.0)
    [entry] = session.protocol.conversation
    assert len(entry.audio) == 0
    assert session.protocol.held["audio"] == 0
    [*_, truncated] = session.about("truncate", entry.item_id, content_index=0, audio_end_ms=900)
    assert truncated["type"] == "conversation.item.truncated"


def test_an_item_that_is_deleted_while_a_response_reads_it_counts_until_the_response_ends() -> None:
    session = Provoked(SessionDefaults())
    session.message("x" * 10_000, id="there")
    session.respond()
    session.about("delete", "there")
    assert session.protocol.held["items"] == 0
    assert session.protocol.held["responses"] > 10_000
    session.send("response.cancel")
    assert session.protocol.held["responses"] == 0


def test_a_response_writes_no_more_than_an_item_may_hold() -> None:
    session = Provoked(SessionDefaults(max_item_bytes=32_000))
    session.respond(output_modalities=["text"])
    wanted = True
    while wanted:
        wanted = session.protocol.response_text("resp_1", "word " * 100, now=0.0)
    done = session.take()[-1]
    assert done["type"] == "response.done"
    assert (done["response"]["status"], done["response"]["status_details"]["reason"]) == (
        "incomplete",
        "max_output_tokens",
    )
    assert session.protocol.held["items"] < 32_000


def test_a_transcript_that_is_longer_than_an_item_is_a_failed_transcription() -> None:
    session = Provoked(SessionDefaults(max_item_bytes=10_000))
    session.session(audio={"input": {"turn_detection": None, "transcription": {"model": "m"}}})
    session.append(9_600)
    session.send("input_audio_buffer.commit")
    [item_id] = session.protocol._input._transcribing
    session.protocol.transcribed(item_id, "word " * 4_000, now=0.0)
    assert session.take()[-1]["type"] == "conversation.item.input_audio_transcription.failed"
    assert session.protocol.held["items"] < 10_000
