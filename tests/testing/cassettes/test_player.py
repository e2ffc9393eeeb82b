"""One recorded connection, played to a client, without a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.recording import ClosedLine
from duologue.testing.cassettes.comparison import IgnoredFields
from duologue.testing.cassettes.contents import ClientStep
from duologue.testing.cassettes.player import ConnectionPlayer, Match
from tests.testing.cassettes._tape import GREETING, Tape, append, item, text


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape.jsonl")


def playing(tape: Tape, match: Match = "strict", *ignore: str) -> ConnectionPlayer:
    return ConnectionPlayer(tape.socket(), match=match, ignored=IgnoredFields(ignore))


def due(player: ConnectionPlayer) -> list[Any]:
    """What the server sends now: events by their type, or the code of a close."""
    steps = [each.what for each in player.take_due()]
    return [step.code if isinstance(step, ClosedLine) else json.loads(step)["type"] for step in steps]


def sends(player: ConnectionPlayer, *messages: dict[str, Any] | str) -> list[Any]:
    for message in messages:
        player.receive(text(message))
    return due(player)


def test_the_server_sends_what_it_sent_when_the_client_has_sent_what_it_had_sent(tape: Tape) -> None:
    tape.server(GREETING).client("session.update", "response.create").server("session.updated", "response.created")
    player = playing(tape)
    assert due(player) == ["session.created"]
    assert sends(player, "session.update") == []
    assert sends(player, "response.create") == ["session.updated", "response.created"]
    assert (player.fault, player.left_over, player.next_message) == (None, [], None)


def test_a_client_may_be_ahead_of_the_server_s_messages(tape: Tape) -> None:
    tape.server(GREETING).client("a").server("b").client("c").server("d")
    assert sends(playing(tape), "a", "c") == ["session.created", "b", "d"]


@pytest.mark.parametrize("piece_ms", [10, 20, 50, 100])
def test_audio_counts_in_milliseconds(tape: Tape, piece_ms: int) -> None:
    tape.client(*[append(20)] * 50).server("input_audio_buffer.speech_started").client(*[append(20)] * 50)
    player = playing(tape.server("input_audio_buffer.speech_stopped"))
    came: list[tuple[int, str]] = []
    for number in range(1, 2000 // piece_ms + 1):
        came += [(number * piece_ms, name) for name in sends(player, append(piece_ms))]
    # The last piece of a clip may be cut short: a piece before its time is soon enough.
    assert [(1000 - at_ms) // 100 for at_ms, _ in came[:1]] == [0]
    assert [name.rpartition("_")[2] for _, name in came] == ["started", "stopped"]
    assert player.fault is None


def test_audio_is_no_event_and_more_of_it_than_recorded_is_dropped(tape: Tape) -> None:
    player = playing(tape.client("a", append(100)).server("b"))
    assert sends(player, append(100), "a", append(5000), append(5000)) == ["b"]
    assert (player.fault, player.left_over) == (None, [])


@pytest.mark.parametrize(("came_ms", "fits"), [(1200, True), (1250, True), (1120, True), (900, False), (2000, False)])
def test_a_turn_that_the_client_ends_has_as_much_audio_as_was_recorded(tape: Tape, came_ms: int, fits: bool) -> None:
    tape.client(*[append(100)] * 5, "input_audio_buffer.commit", *[append(100)] * 12, "input_audio_buffer.commit")
    player = playing(tape)
    sends(player, append(500), "input_audio_buffer.commit", append(came_ms), "input_audio_buffer.commit")
    assert (player.fault is None) is fits
    if player.fault is not None:
        [told] = map(str, player.fault.differences)
        assert told == f"input audio: 1.20 s was recorded before this event, and {came_ms / 1000:.2f} s came"


def test_less_audio_before_an_event_is_made_up_for(tape: Tape) -> None:
    """An open microphone has sent less when the client's own event comes earlier than it did."""
    tape.client(append(1000), "response.create", append(100)).server("response.created")
    assert sends(playing(tape), append(300), "response.create", append(100)) == ["response.created"]


def test_another_field_is_a_fault_and_then_nothing_more_is_sent(tape: Tape) -> None:
    tape.client(item("item_1", "hi")).server("a").client("b").server("c")
    player = playing(tape)
    assert sends(player, item("item_9", "hello"), "b") == []
    assert player.fault is not None
    assert (player.fault.number, player.fault.came) == (1, "conversation.item.create")
    assert [each.path for each in player.fault.differences] == ["item.content.0.text"]


def test_another_type_is_a_fault_also_where_fields_may_differ(tape: Tape) -> None:
    kinds: tuple[Match, ...] = ("strict", "types")
    for match in kinds:
        player = playing(tape.client("a", "b"), match)
        sends(player, "a", "c")
        assert player.fault is not None
        assert player.fault.expected is not None
        assert (player.fault.number, player.fault.expected.message.type, player.fault.came) == (2, "b", "c")
        assert player.fault.before == ("a",)


def test_more_events_than_recorded_are_a_fault(tape: Tape) -> None:
    player = playing(tape.client("a"))
    sends(player, "a", "b")
    assert player.fault is not None
    assert player.fault.expected is None


def test_of_types_and_order_fields_may_differ(tape: Tape) -> None:
    tape.client(item("item_1", "hi")).server({"type": "a", "item_id": "item_1"})
    kinds: tuple[Match, ...] = ("types", "order")
    for match in kinds:
        player = playing(tape, match)
        player.receive(text(item("item_9", "hello")))
        [sent] = player.take_due()
        assert json.loads(sent.what)["item_id"] == "item_9"  # type: ignore[arg-type]  # a text


def test_of_order_other_events_may_come_between_and_audio_may_have_any_length(tape: Tape) -> None:
    tape.client("a", append(1000), "input_audio_buffer.commit").server("b").client("c").server("d")
    player = playing(tape, "order")
    assert sends(player, "x", "a", "y", append(20), "input_audio_buffer.commit", "z") == ["b"]
    assert sends(player, "a", "c", "w") == ["d"]
    assert (player.fault, player.left_over) == (None, [])


def test_ignored_fields_may_differ(tape: Tape) -> None:
    tape.client({"type": "session.update", "session": {"instructions": "a"}}).server("session.updated")
    player = playing(tape, "strict", "session.instructions")
    assert sends(player, {"type": "session.update", "session": {"instructions": "b"}}) == ["session.updated"]


def test_the_ids_of_this_client_are_in_what_the_server_sends(tape: Tape) -> None:
    tape.client(item("item_then", event_id="event_then"))
    tape.server({"type": "conversation.item.added", "event_id": "event_then", "item": {"id": "item_then"}})
    tape.client({"type": "conversation.item.delete", "item_id": "item_then"})
    tape.server({"type": "error", "error": {"event_id": "event_then", "message": "item item_then is gone"}})
    player = playing(tape)
    player.receive(text(item("item_now", event_id="event_now")))
    player.receive(text({"type": "conversation.item.delete", "item_id": "item_now"}))
    added, error = (json.loads(each.what) for each in player.take_due())  # type: ignore[arg-type]  # texts
    assert added == {"type": "conversation.item.added", "event_id": "event_then", "item": {"id": "item_now"}}
    assert error["error"] == {"event_id": "event_now", "message": "item item_now is gone"}


def test_a_reference_to_another_item_is_a_fault(tape: Tape) -> None:
    tape.client(item("item_1"), item("item_2"), {"type": "conversation.item.delete", "item_id": "item_1"})
    player = playing(tape)
    sends(player, item("item_a"), item("item_b"), {"type": "conversation.item.delete", "item_id": "item_b"})
    assert player.fault is not None
    [told] = map(str, player.fault.differences)
    assert told.endswith("it stands for 'item_a' since an earlier event")


def test_events_whose_order_has_no_meaning_come_in_any(tape: Tape) -> None:
    one, other = (
        {"type": "session.update", "session": {name: 1}, "event_id": f"event_{name}"} for name in ("tools", "tracing")
    )
    tape.client(one).server("session.updated").client(other).server("session.updated")
    tape.server(*({"type": "call", "call_id": call_id} for call_id in "abc"))
    tape.client(*(_output(call_id) for call_id in "abc")).server("response.created")
    player = playing(tape)
    assert sends(player, other) == []
    assert sends(player, one) == ["session.updated", "session.updated", "call", "call", "call"]
    assert sends(player, _output("c"), _output("a")) == []
    assert [step.message.event["item"]["call_id"] for step in player.left_over if step.message.event] == ["b"]
    assert sends(player, _output("b")) == ["response.created"]


def _output(call_id: str) -> dict[str, Any]:
    output = {"type": "function_call_output", "call_id": call_id, "output": "1"}
    return {"type": "conversation.item.create", "item": output}


def test_an_event_that_comes_too_early_is_a_fault_if_its_order_has_a_meaning(tape: Tape) -> None:
    player = playing(tape.client(item("item_1"), "response.create"))
    sends(player, "response.create")
    assert player.fault is not None


def test_a_close_comes_when_it_is_due(tape: Tape) -> None:
    player = playing(tape.server(GREETING).client("a").closed(4000, "over", by="server"))
    assert due(player) == ["session.created"]
    assert sends(player, "a") == [4000]


def test_it_tells_what_the_server_waits_for(tape: Tape) -> None:
    player = playing(tape.client("a", append(300)).server("b"))
    awaited = player.waits_for
    assert isinstance(awaited, ClientStep)
    assert awaited.message.type == "a"
    sends(player, "a", append(100))
    assert player.waits_for == 100  # the last 100 ms may be missing
    sends(player, append(100))
    assert player.waits_for is None


@pytest.mark.parametrize(("message", "fits"), [("ping", True), ("pong", False)])
def test_messages_that_are_no_events_are_compared_as_they_are(tape: Tape, message: str, fits: bool) -> None:
    player = playing(tape.raw("ping").server("a"))
    player.receive(message)
    assert (player.fault is None) is fits
    assert due(player) == (["a"] if fits else [])


def test_binary_events_stay_binary(tape: Tape) -> None:
    tape.client(item("item_then")).server(b'{"type":"a","item_id":"item_then"}')
    player = playing(tape)
    player.receive(text(item("item_now")).encode())
    assert [each.what for each in player.take_due()] == [b'{"type":"a","item_id":"item_now"}']


def test_sessions_end_later(tape: Tape) -> None:
    tape.server({"type": "session.created", "session": {"expires_at": 1000}})
    [sent] = ConnectionPlayer(tape.socket(), later_s=60).take_due()
    assert json.loads(sent.what)["session"]["expires_at"] == 1060  # type: ignore[arg-type]  # a text


def test_there_are_three_kinds_of_match(tape: Tape) -> None:
    with pytest.raises(ValueError, match="match is one of strict, types, order, not 'loose'"):
        playing(tape.client("a"), "loose")  # type: ignore[arg-type]


STEPS = st.lists(st.sampled_from(["event", "speech", "answer"]), max_size=30)


@settings(max_examples=60)
@given(steps=STEPS, piece_ms=st.sampled_from([10, 30, 70, 100, 250]), eager=st.booleans())
def test_whatever_was_recorded_comes_to_its_end_with_pieces_of_any_length(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], piece_ms: int, eager: bool
) -> None:
    """The client sends what it had sent, in order; one that is not eager waits for all that came before it."""
    tape = Tape(tmp_path_factory.mktemp("tapes") / "tape.jsonl").client("begin")
    for number, step in enumerate(steps):
        match step:
            case "event":
                tape.client({"type": "event", "number": number})
            case "speech":
                tape.client(append(100))
            case _:
                tape.server({"type": "answer", "number": number})
    player = playing(tape)
    sent = sends(player, "begin")
    spoken_ms = recorded_ms = 0
    for number, step in enumerate(steps):
        answers = steps[:number].count("answer")
        assert eager or len(sent) >= answers
        match step:
            case "event":
                sent += sends(player, {"type": "event", "number": number})
            case "speech":
                recorded_ms += 100
                while spoken_ms < recorded_ms:
                    spoken_ms += piece_ms
                    sent += sends(player, append(piece_ms))
            case _:
                pass
    assert (player.fault, player.left_over) == (None, [])
    assert sent == ["answer"] * steps.count("answer")
