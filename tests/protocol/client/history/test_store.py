"""The client's copy of the conversation, in whatever order its events arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM
from duologue.codec.writing import to_plain
from duologue.events import FunctionCallItem
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.limits import KeptLimits
from tests.protocol._conversation import no_removed_item_is_kept
from tests.protocol._wire import command, server_event


def item(item_id: str, role: str = "assistant", *content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {"type": "message", "id": item_id, "role": role, "status": status, "content": list(content)}


def spoken(text: str) -> dict[str, Any]:
    return {"type": "output_audio", "transcript": text}


def user_audio(text: str | None = None) -> dict[str, Any]:
    return {"type": "input_audio", "transcript": text}


class StoreDriver:
    """A store, and the server's events for it."""

    def __init__(self, store: ConversationStore | None = None) -> None:
        self.store = store if store is not None else ConversationStore()
        self.received = 0

    def receive(self, name: str, /, **fields: Any) -> None:
        self.received += 1
        event = server_event(name, **{"event_id": f"e{self.received}", **fields})
        self.store.receive(event, EventContext(encoding=PCM))

    def audio(self, item_id: str, audio: bytes) -> None:
        place = {"response_id": "r", "item_id": item_id, "output_index": 0, "content_index": 0}
        delta = server_event("response.output_audio.delta", **place, delta="")
        self.store.receive(delta, EventContext(audio=audio))

    def added(self, wire: dict[str, Any], previous: str | None = None, **fields: Any) -> None:
        self.receive("conversation.item.added", item=wire, previous_item_id=previous, **fields)

    def done(self, wire: dict[str, Any], previous: str | None = None) -> None:
        self.receive("conversation.item.done", item=wire, previous_item_id=previous)

    def stream(self, name: str, /, **fields: Any) -> None:
        where = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
        self.receive(f"response.{name}", **{**where, **fields})

    def transcription(self, what: str, item_id: str = "u", **fields: Any) -> None:
        name = f"conversation.item.input_audio_transcription.{what}"
        self.receive(name, **{"item_id": item_id, "content_index": 0, **fields})

    def get(self, item_id: str) -> StoredItem:
        stored = self.store.get(item_id)
        assert stored is not None
        return stored

    @property
    def ids(self) -> list[str]:
        return [stored.item_id for stored in self.store.items]


@pytest.fixture
def driver() -> StoreDriver:
    return StoreDriver()


def test_an_item_of_the_model_grows_with_its_deltas_and_ends_as_the_server_sends_it(driver: StoreDriver) -> None:
    driver.stream("output_item.added", item=item("a", status="in_progress"))
    driver.added(item("a", status="in_progress"))
    driver.stream("content_part.added", part={"type": "audio", "transcript": ""})
    seen = [driver.get("a").text]
    for word in ("It ", "is ", "late."):
        driver.stream("output_audio_transcript.delta", delta=word)
        seen.append(driver.get("a").text)
    assert seen == ["", "It ", "It is ", "It is late."]
    assert not driver.get("a").done
    assert driver.get("a").response_id == "r"
    driver.stream("output_audio_transcript.done", transcript="It is late.")
    driver.stream("output_audio_transcript.delta", delta="late.")
    driver.stream("content_part.done", part={"type": "audio", "transcript": "It is late."})
    assert driver.get("a").text == "It is late."
    driver.done(item("a", "assistant", spoken("It is late.")))
    assert driver.get("a").done
    assert to_plain(driver.get("a").item) == item("a", "assistant", spoken("It is late."))


def test_text_and_calls_grow_too(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    driver.stream("output_text.delta", delta="one ")
    driver.stream("output_text.delta", delta="two")
    assert to_plain(driver.get("a").item)["content"] == [{"type": "output_text", "text": "one two"}]
    driver.stream("output_text.done", text="one two!")
    assert driver.get("a").text == "one two!"
    call = {"type": "function_call", "id": "f", "name": "clock", "call_id": "c", "arguments": ""}
    driver.added({**call, "status": "in_progress"}, "a")
    for piece in ('{"zone"', ':"CET"}'):
        driver.stream("function_call_arguments.delta", item_id="f", output_index=1, call_id="c", delta=piece)
    growing = driver.get("f").item
    assert isinstance(growing, FunctionCallItem)
    assert growing.arguments == '{"zone":"CET"}'
    whole = {"item_id": "f", "output_index": 1, "call_id": "c", "name": "clock", "arguments": '{"zone":"EET"}'}
    driver.stream("function_call_arguments.done", **whole)
    assert to_plain(driver.get("f").item)["arguments"] == '{"zone":"EET"}'
    driver.stream("function_call_arguments.done", **whole | {"arguments": "{}"})
    assert to_plain(driver.get("f").item)["arguments"] == '{"zone":"EET"}'
    assert driver.get("f").text == ""


def test_deltas_that_come_before_their_item_are_not_lost(driver: StoreDriver) -> None:
    driver.stream("output_audio_transcript.delta", delta="early ")
    assert driver.ids == []
    driver.added(item("a", status="in_progress"))
    driver.stream("output_audio_transcript.delta", delta="bird")
    assert driver.get("a").text == "early bird"


def test_a_snapshot_never_changes(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    driver.stream("output_text.delta", delta="one")
    before = driver.store.items
    plain = to_plain(before[0].item)
    assert driver.store.items is before
    driver.stream("output_text.delta", delta=" two")
    driver.done(item("a", "assistant", {"type": "output_text", "text": "one two"}))
    driver.receive("conversation.item.deleted", item_id="a")
    assert to_plain(before[0].item) == plain
    assert driver.store.items == ()


def test_pain_14_a_transcript_may_come_before_inside_or_after_everything_else(driver: StoreDriver) -> None:
    driver.transcription("completed", transcript="early", usage=None, item_id="u1")
    driver.receive("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    assert [(stored.item_id, stored.text, stored.done) for stored in driver.store.items] == [("u1", "early", False)]
    driver.added(item("u1", "user", user_audio()))
    driver.done(item("u1", "user", user_audio()))
    assert driver.get("u1").text == "early"
    driver.added(item("u2", "user", user_audio()), "u1")
    driver.transcription("delta", item_id="u2", delta="la")
    driver.transcription("delta", item_id="u2", delta="te")
    assert driver.get("u2").text == "late"
    driver.done(item("u2", "user", user_audio()), "u1")
    driver.transcription("completed", item_id="u2", transcript="later", usage=None)
    driver.transcription("delta", item_id="u2", delta="te")
    assert driver.get("u2").text == "later"


def test_pain_14_a_turn_has_its_place_from_the_moment_it_is_committed(driver: StoreDriver) -> None:
    driver.receive("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    driver.added(item("a", status="in_progress"), "u")
    driver.added(item("u", "user", user_audio()))
    assert driver.ids == ["u", "a"]
    driver.receive("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert driver.ids == ["u", "a"]


def test_a_transcription_that_fails_leaves_no_half_of_a_sentence(driver: StoreDriver) -> None:
    driver.added(item("u", "user", user_audio()))
    driver.transcription("delta", delta="may")
    driver.transcription("failed", error={"message": "no"})
    stored = driver.get("u")
    assert (stored.text, stored.transcription_failed) == ("", True)
    driver.transcription("completed", transcript="maybe", usage=None)
    driver.transcription("failed", error={"message": "no"})
    assert (driver.get("u").text, driver.get("u").transcription_failed) == ("maybe", False)


def test_a_cut_removes_the_transcript_and_later_events_do_not_bring_it_back(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    driver.stream("output_audio_transcript.delta", delta="all of it")
    driver.receive("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=120)
    assert (driver.get("a").text, driver.get("a").truncated_at_ms) == ("", 120)
    driver.stream("output_audio_transcript.delta", delta=" and more")
    driver.done(item("a", "assistant", spoken("all of it and more"), status="incomplete"))
    assert driver.get("a").text == ""


def test_a_cut_is_of_one_part_and_leaves_the_words_of_the_others(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    driver.done(item("a", "assistant", {"type": "output_text", "text": "Look here."}, spoken("all of it")))
    driver.receive("conversation.item.truncated", item_id="a", content_index=1, audio_end_ms=120)
    assert driver.get("a").text == "Look here."
    driver.done(item("b", "assistant", spoken("one"), spoken("two")))
    driver.receive("conversation.item.truncated", item_id="b", content_index=1, audio_end_ms=120)
    assert driver.get("b").text == "one"


def test_the_words_that_a_server_keeps_of_a_cut_item_replace_older_ones(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    driver.done(item("a", "assistant", spoken("all of it and more")))
    driver.receive("conversation.item.retrieved", item=item("a", "assistant", spoken("all of it and more")))
    driver.receive("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=120)
    assert driver.get("a").text == ""
    driver.receive("conversation.item.retrieved", item=item("a", "assistant", spoken("all of it")))
    driver.done(item("a", "assistant", spoken("all of it and more")))
    assert (driver.get("a").text, driver.get("a").truncated_at_ms) == ("all of it", 120)
    driver.receive("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=60)
    assert (driver.get("a").text, driver.get("a").truncated_at_ms) == ("", 60)
    driver.receive("conversation.item.retrieved", item=item("a", "assistant", spoken("all")))
    assert driver.get("a").text == "all"


def test_items_stand_where_the_server_put_them(driver: StoreDriver) -> None:
    driver.added(item("b", "user"))
    driver.added(item("c", "user"), "b")
    driver.added(item("a", "user"), None)
    driver.added(item("between", "user"), "b")
    driver.done(item("c", "user"), "between")
    assert driver.ids == ["a", "b", "between", "c"]
    assert "between" in driver.store
    assert len(driver.store) == 4


def test_an_item_that_is_created_at_the_root_is_first_even_as_the_second_of_all(driver: StoreDriver) -> None:
    driver.added(item("b", "user"))
    added = server_event("conversation.item.added", previous_item_id=None, item=item("a", "user"))
    create = command("conversation.item.create", previous_item_id="root", item=item("a", "user"))
    driver.store.receive(added, EventContext(command=create))
    assert driver.ids == ["a", "b"]


def test_a_server_that_never_names_predecessors_appends(driver: StoreDriver) -> None:
    for item_id in ("a", "b", "c"):
        driver.added(item(item_id, "user"))
    assert driver.ids == ["a", "b", "c"]
    driver.receive("conversation.item.created", item=item("d", "user"))
    assert driver.ids == ["a", "b", "c", "d"]


def test_a_deleted_item_stays_deleted_whatever_late_events_name_it(driver: StoreDriver) -> None:
    driver.added(item("a", "user"))
    driver.receive("conversation.item.deleted", item_id="a")
    driver.done(item("a", "user"))
    driver.transcription("completed", item_id="a", transcript="x", usage=None)
    driver.receive("conversation.item.added", item=item("a", "user"), previous_item_id=None, event_id="e1")
    driver.receive("response.done", response={"id": "r", "conversation_id": "c", "output": [item("a")]})
    driver.receive("input_audio_buffer.committed", item_id="a")
    assert driver.ids == []
    assert driver.store.get("a") is None


def test_a_deletion_may_overtake_what_it_deletes(driver: StoreDriver) -> None:
    driver.receive("conversation.item.deleted", item_id="a")
    driver.added(item("a", "user"))
    driver.done(item("a", "user"))
    assert driver.ids == []


def test_an_id_may_be_used_again_after_its_item_was_deleted(driver: StoreDriver) -> None:
    driver.added(item("a", "user"))
    driver.receive("conversation.item.deleted", item_id="a")
    driver.added(item("a", "system"))
    assert to_plain(driver.get("a").item)["role"] == "system"


def test_what_a_response_keeps_out_of_the_conversation_stays_out(driver: StoreDriver) -> None:
    driver.stream("output_item.added", item=item("a", status="in_progress"))
    driver.stream("output_text.delta", delta="out of band")
    driver.stream("output_item.done", item=item("a", "assistant", {"type": "output_text", "text": "out of band"}))
    driver.receive("response.done", response={"id": "r", "conversation_id": None, "output": [item("a")]})
    assert driver.ids == []
    assert driver.store._builders == {}


def test_the_end_of_a_response_closes_what_was_left_open(driver: StoreDriver) -> None:
    driver.added(item("a", status="in_progress"))
    final = item("a", "assistant", spoken("whole"))
    driver.receive("response.done", response={"id": "r", "conversation_id": "c", "output": [final, item("b")]})
    assert [(stored.item_id, stored.done) for stored in driver.store.items] == [("a", True), ("b", True)]
    assert driver.get("a").text == "whole"


def test_beta_servers_send_an_item_in_one_event(driver: StoreDriver) -> None:
    driver.receive("conversation.item.created", item=item("u", "user", user_audio()), previous_item_id=None)
    driver.receive("conversation.item.created", item=item("a", status="in_progress"), previous_item_id="u")
    assert [stored.done for stored in driver.store.items] == [True, False]
    driver.stream("output_item.done", item=item("a", "assistant", spoken("beta")))
    assert [stored.done for stored in driver.store.items] == [True, True]


def test_items_without_an_id_are_ignored(driver: StoreDriver) -> None:
    nameless = {"type": "message", "role": "user", "content": []}
    driver.added(nameless)
    driver.done(nameless)
    driver.receive("conversation.item.retrieved", item=nameless)
    driver.receive("response.done", response={"output": [nameless]})
    driver.receive("response.output_item.added", response_id="r", output_index=0, item=nameless)
    driver.receive("response.output_item.done", response_id="r", output_index=0, item=nameless)
    assert driver.ids == []


def test_pain_13_no_audio_is_kept_by_default(driver: StoreDriver) -> None:
    wire = item("u", "user", {"type": "input_audio", "audio": "AAAA", "transcript": None})
    driver.added(wire)
    driver.done(wire)
    driver.receive("conversation.item.retrieved", item=wire)
    driver.audio("a", bytes(1000))
    assert to_plain(driver.get("u").item)["content"] == [user_audio()]
    assert driver.store.audio("a") is None


def test_pain_13_audio_is_kept_up_to_a_limit_and_cut_with_its_item() -> None:
    driver = StoreDriver(ConversationStore(keep_audio_bytes=10_000))
    driver.added(item("a", status="in_progress"))
    for _ in range(3):
        driver.audio("a", bytes(1000))
    assert len(driver.store.audio("a") or b"") == 3000
    driver.receive("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=10)
    assert len(driver.store.audio("a") or b"") == 480
    driver.audio("b", bytes(9_900))
    assert driver.store.audio("a") is None
    assert driver.store.audio("b") == bytes(9_900)
    driver.receive("conversation.item.deleted", item_id="b")
    assert driver.store.audio("b") is None
    driver.audio("c", bytes(10_001))
    assert driver.store.audio("c") is None
    driver.store.clear()
    assert driver.store.items == ()


def test_pain_13_events_cost_the_same_however_long_the_conversation_is(driver: StoreDriver) -> None:
    for number in range(3000):
        driver.added(item(f"i{number}", status="in_progress"), f"i{number - 1}" if number else None)
        driver.stream("output_text.delta", delta="x", item_id=f"i{number}")
    assert len(driver.store.items) == 3000


def test_as_many_deleted_items_are_known_as_items_may_be_kept() -> None:
    driver = StoreDriver(ConversationStore(limits=KeptLimits(items=3)))
    for number in range(5):
        driver.added(item(f"i{number}"), event_id=f"added{number}")
        driver.receive("conversation.item.deleted", item_id=f"i{number}")
    for number in range(5):
        driver.added(item(f"i{number}"), event_id=f"added{number}")
    assert sorted(driver.ids) == ["i0", "i1"]


@pytest.mark.parametrize(("stream", "field"), [("output_audio_transcript", "transcript"), ("output_text", "text")])
def test_a_part_that_arrives_only_as_a_whole_has_its_kind(driver: StoreDriver, stream: str, field: str) -> None:
    driver.added(item("a", status="in_progress"))
    driver.stream(f"{stream}.done", **{field: "all"})
    kind = "output_audio" if field == "transcript" else "output_text"
    assert to_plain(driver.get("a").item)["content"] == [{"type": kind, field: "all"}]


STEPS: dict[str, Callable[[StoreDriver, str, bool], None]] = {
    "added": lambda driver, item_id, flag: driver.added(item(item_id, status="in_progress" if flag else "completed")),
    "done": lambda driver, item_id, flag: driver.done(item(item_id)),
    "created": lambda driver, item_id, flag: driver.receive(
        "conversation.item.created", item=item(item_id), previous_item_id=None
    ),
    "deleted": lambda driver, item_id, flag: driver.receive("conversation.item.deleted", item_id=item_id),
    "retrieved": lambda driver, item_id, flag: driver.receive("conversation.item.retrieved", item=item(item_id)),
    "transcribed": lambda driver, item_id, flag: driver.transcription(
        "completed" if flag else "delta", item_id, **{"transcript" if flag else "delta": "x", "usage": None}
    ),
    "not transcribed": lambda driver, item_id, flag: driver.transcription("failed", item_id, error={"message": "x"}),
    "text": lambda driver, item_id, flag: driver.stream(
        f"output_text.{'done' if flag else 'delta'}", item_id=item_id, **{"text" if flag else "delta": "x"}
    ),
    "item": lambda driver, item_id, flag: driver.stream(
        f"output_item.{'done' if flag else 'added'}", item=item(item_id, "assistant", spoken("x"))
    ),
    "speech": lambda driver, item_id, flag: driver.audio(item_id, bytes(40)),
    "cut": lambda driver, item_id, flag: driver.receive(
        "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=0
    ),
    "response": lambda driver, item_id, flag: driver.receive(
        "response.done",
        response={"id": "r", "conversation_id": "c" if flag else None, "status": "", "output": [item(item_id)]},
    ),
    "another session": lambda driver, item_id, flag: driver.store.clear(),
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from("abc"), st.booleans()), max_size=30),
    st.integers(2, 30),
)
def test_nothing_is_kept_of_removed_items_whatever_the_order_of_events(
    steps: list[tuple[str, str, bool]], most: int
) -> None:
    driver = StoreDriver(ConversationStore(keep_audio_bytes=100, limits=KeptLimits(items=most)))
    for what, item_id, flag in steps:
        STEPS[what](driver, item_id, flag)
        no_removed_item_is_kept(driver.store)
        assert [stored.item_id for stored in driver.store.items] == list(driver.store._order.ids)
        assert len(driver.store._deleted) <= most
    driver.store.clear()
    no_removed_item_is_kept(driver.store)
    assert (len(driver.store), driver.store._builders, driver.store._deleted) == (0, {}, {})


def test_an_item_that_only_the_end_of_its_response_contains_belongs_to_it(driver: StoreDriver) -> None:
    response = {
        "id": "r",
        "conversation_id": "c",
        "status": "completed",
        "output": [item("a", "assistant", spoken("x"))],
    }
    driver.receive("response.done", response=response)
    assert (driver.get("a").response_id, driver.get("a").text, driver.get("a").done) == ("r", "x", True)
    assert driver.store._sizes.keys() == {"a"}


def test_a_piece_of_a_transcript_goes_to_the_part_that_it_names_or_the_first(driver: StoreDriver) -> None:
    driver.added(item("u", "user", user_audio(), user_audio()))
    driver.transcription("delta", content_index=1, delta="second")
    name = "conversation.item.input_audio_transcription.delta"
    driver.receive(name, item_id="u", delta="first")
    assert to_plain(driver.get("u").item)["content"] == [user_audio("first"), user_audio("second")]


def test_audio_of_a_response_out_of_band_is_dropped_when_the_response_ends() -> None:
    driver = StoreDriver(ConversationStore(keep_audio_bytes=10_000))
    driver.stream("output_audio_transcript.delta", delta="aside")
    driver.audio("a", bytes(480))
    driver.receive("response.done", response={"id": "r", "conversation_id": None, "status": "completed", "output": []})
    assert (driver.store.audio("a"), driver.store._audio.held_bytes, driver.store._builders) == (None, 0, {})


def test_what_never_becomes_an_item_is_forgotten(driver: StoreDriver) -> None:
    for number in range(300):
        driver.transcription("delta", item_id=f"ghost{number}", delta="boo")
    no_removed_item_is_kept(driver.store)
    assert (len(driver.store._builders), driver.ids) == (256, [])


def test_a_committed_turn_is_in_progress_until_it_is_done(driver: StoreDriver) -> None:
    driver.receive("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert to_plain(driver.get("u").item) == item("u", "user", user_audio(), status="in_progress")
