"""The conversation as its client knows it, whatever order its events come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM
from duologue.codec.writing import to_plain
from duologue.events import ConversationItemCreateEvent, FunctionCallItem, RealtimeEvent
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.limits import KeptLimits
from tests.protocol._conversation import nothing_else_is_kept


def item(item_id: str, role: str = "assistant", *content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {"type": "message", "id": item_id, "role": role, "status": status, "content": list(content)}


def said(text: str) -> dict[str, Any]:
    return {"type": "output_audio", "transcript": text}


def heard(text: str | None = None) -> dict[str, Any]:
    return {"type": "input_audio", "transcript": text}


class Book:
    """A store, and the server's words to it."""

    def __init__(self, store: ConversationStore | None = None) -> None:
        self.store = store if store is not None else ConversationStore()
        self.told_so_far = 0

    def told(self, name: str, /, **fields: Any) -> None:
        self.told_so_far += 1
        event = RealtimeEvent.from_json({"event_id": f"e{self.told_so_far}", **fields, "type": name})
        assert event.type == name, event
        self.store.receive(event, EventContext(encoding=PCM))

    def audio(self, item_id: str, audio: bytes) -> None:
        place = {"response_id": "r", "item_id": item_id, "output_index": 0, "content_index": 0}
        delta = {"type": "response.output_audio.delta", "event_id": "e", **place, "delta": ""}
        self.store.receive(RealtimeEvent.from_json(delta), EventContext(audio=audio))

    def added(self, wire: dict[str, Any], previous: str | None = None, **fields: Any) -> None:
        self.told("conversation.item.added", item=wire, previous_item_id=previous, **fields)

    def done(self, wire: dict[str, Any], previous: str | None = None) -> None:
        self.told("conversation.item.done", item=wire, previous_item_id=previous)

    def stream(self, name: str, **fields: Any) -> None:
        where = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
        self.told(f"response.{name}", **{**where, **fields})

    def transcription(self, what: str, item_id: str = "u", **fields: Any) -> None:
        name = f"conversation.item.input_audio_transcription.{what}"
        self.told(name, **{"item_id": item_id, "content_index": 0, **fields})

    def get(self, item_id: str) -> StoredItem:
        stored = self.store.get(item_id)
        assert stored is not None
        return stored

    @property
    def ids(self) -> list[str]:
        return [stored.item_id for stored in self.store.items]


@pytest.fixture
def book() -> Book:
    return Book()


def test_an_item_of_the_model_grows_with_its_deltas_and_ends_as_the_server_says(book: Book) -> None:
    book.stream("output_item.added", item=item("a", status="in_progress"))
    book.added(item("a", status="in_progress"))
    book.stream("content_part.added", part={"type": "audio", "transcript": ""})
    seen = [book.get("a").text]
    for word in ("It ", "is ", "late."):
        book.stream("output_audio_transcript.delta", delta=word)
        seen.append(book.get("a").text)
    assert seen == ["", "It ", "It is ", "It is late."]
    assert not book.get("a").done
    assert book.get("a").response_id == "r"
    book.stream("output_audio_transcript.done", transcript="It is late.")
    book.stream("output_audio_transcript.delta", delta="late.")
    book.stream("content_part.done", part={"type": "audio", "transcript": "It is late."})
    assert book.get("a").text == "It is late."
    book.done(item("a", "assistant", said("It is late.")))
    assert book.get("a").done
    assert to_plain(book.get("a").item) == item("a", "assistant", said("It is late."))


def test_text_and_calls_grow_too(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    book.stream("output_text.delta", delta="one ")
    book.stream("output_text.delta", delta="two")
    assert to_plain(book.get("a").item)["content"] == [{"type": "output_text", "text": "one two"}]
    book.stream("output_text.done", text="one two!")
    assert book.get("a").text == "one two!"
    call = {
        "type": "function_call",
        "id": "f",
        "name": "clock",
        "call_id": "c",
        "arguments": "",
        "status": "in_progress",
    }
    book.added(call, "a")
    for piece in ('{"zone"', ':"CET"}'):
        book.told(
            "response.function_call_arguments.delta",
            response_id="r", item_id="f", output_index=1, call_id="c", delta=piece,
        )  # fmt: skip
    growing = book.get("f").item
    assert isinstance(growing, FunctionCallItem)
    assert growing.arguments == '{"zone":"CET"}'
    book.told(
        "response.function_call_arguments.done",
        response_id="r", item_id="f", output_index=1, call_id="c", name="clock", arguments="{}",
    )  # fmt: skip
    assert to_plain(book.get("f").item)["arguments"] == "{}"
    assert book.get("f").text == ""


def test_deltas_that_come_before_their_item_are_not_lost(book: Book) -> None:
    book.stream("output_audio_transcript.delta", delta="early ")
    assert book.ids == []
    book.added(item("a", status="in_progress"))
    book.stream("output_audio_transcript.delta", delta="bird")
    assert book.get("a").text == "early bird"


def test_a_snapshot_never_changes(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    book.stream("output_text.delta", delta="one")
    before = book.store.items
    plain = to_plain(before[0].item)
    assert book.store.items is before
    book.stream("output_text.delta", delta=" two")
    book.done(item("a", "assistant", {"type": "output_text", "text": "one two"}))
    book.told("conversation.item.deleted", item_id="a")
    assert to_plain(before[0].item) == plain
    assert book.store.items == ()


def test_pain_14_a_transcript_may_come_before_inside_or_after_everything_else(book: Book) -> None:
    book.transcription("completed", transcript="early", usage=None, item_id="u1")
    book.told("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    assert [(stored.item_id, stored.text, stored.done) for stored in book.store.items] == [("u1", "early", False)]
    book.added(item("u1", "user", heard()))
    book.done(item("u1", "user", heard()))
    assert book.get("u1").text == "early"
    book.added(item("u2", "user", heard()), "u1")
    book.transcription("delta", item_id="u2", delta="la")
    book.transcription("delta", item_id="u2", delta="te")
    assert book.get("u2").text == "late"
    book.done(item("u2", "user", heard()), "u1")
    book.transcription("completed", item_id="u2", transcript="later", usage=None)
    book.transcription("delta", item_id="u2", delta="te")
    assert book.get("u2").text == "later"


def test_pain_14_a_turn_has_its_place_from_the_moment_it_is_committed(book: Book) -> None:
    book.told("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    book.added(item("a", status="in_progress"), "u")
    book.added(item("u", "user", heard()))
    assert book.ids == ["u", "a"]
    book.told("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert book.ids == ["u", "a"]


def test_a_transcription_that_fails_leaves_no_half_of_a_sentence(book: Book) -> None:
    book.added(item("u", "user", heard()))
    book.transcription("delta", delta="may")
    book.transcription("failed", error={"message": "no"})
    stored = book.get("u")
    assert (stored.text, stored.transcription_failed) == ("", True)
    book.transcription("completed", transcript="maybe", usage=None)
    book.transcription("failed", error={"message": "no"})
    assert (book.get("u").text, book.get("u").transcription_failed) == ("maybe", False)


def test_a_cut_takes_the_transcript_away_and_later_events_do_not_bring_it_back(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    book.stream("output_audio_transcript.delta", delta="all of it")
    book.told("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=120)
    assert (book.get("a").text, book.get("a").truncated_at_ms) == ("", 120)
    book.stream("output_audio_transcript.delta", delta=" and more")
    book.done(item("a", "assistant", said("all of it and more"), status="incomplete"))
    assert book.get("a").text == ""


def test_a_cut_is_of_one_part_and_leaves_the_words_of_the_others(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    book.done(item("a", "assistant", {"type": "output_text", "text": "Look here."}, said("all of it")))
    book.told("conversation.item.truncated", item_id="a", content_index=1, audio_end_ms=120)
    assert book.get("a").text == "Look here."
    book.done(item("b", "assistant", said("one"), said("two")))
    book.told("conversation.item.truncated", item_id="b", content_index=1, audio_end_ms=120)
    assert book.get("b").text == "one"


def test_what_a_server_says_was_heard_of_a_cut_item_stands_and_older_words_do_not_come_back(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    book.done(item("a", "assistant", said("all of it and more")))
    book.told("conversation.item.retrieved", item=item("a", "assistant", said("all of it and more")))
    book.told("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=120)
    assert book.get("a").text == ""
    book.told("conversation.item.retrieved", item=item("a", "assistant", said("all of it")))
    book.done(item("a", "assistant", said("all of it and more")))
    assert (book.get("a").text, book.get("a").truncated_at_ms) == ("all of it", 120)
    book.told("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=60)
    assert (book.get("a").text, book.get("a").truncated_at_ms) == ("", 60)
    book.told("conversation.item.retrieved", item=item("a", "assistant", said("all")))
    assert book.get("a").text == "all"


def test_items_stand_where_the_server_put_them(book: Book) -> None:
    book.added(item("b", "user"))
    book.added(item("c", "user"), "b")
    book.added(item("a", "user"), None)
    book.added(item("between", "user"), "b")
    book.done(item("c", "user"), "between")
    assert book.ids == ["a", "b", "between", "c"]
    assert "between" in book.store
    assert len(book.store) == 4


def test_an_item_that_is_wanted_first_is_first_even_as_the_second_of_all(book: Book) -> None:
    book.added(item("b", "user"))
    wire = {"type": "conversation.item.added", "event_id": "x", "previous_item_id": None, "item": item("a", "user")}
    asked = RealtimeEvent.from_json(
        {"type": "conversation.item.create", "event_id": "1", "previous_item_id": "root", "item": item("a", "user")}
    )
    assert isinstance(asked, ConversationItemCreateEvent)
    book.store.receive(RealtimeEvent.from_json(wire), EventContext(command=asked))
    assert book.ids == ["a", "b"]


def test_a_server_that_never_names_predecessors_appends(book: Book) -> None:
    for item_id in ("a", "b", "c"):
        book.added(item(item_id, "user"))
    assert book.ids == ["a", "b", "c"]
    book.told("conversation.item.created", item=item("d", "user"))
    assert book.ids == ["a", "b", "c", "d"]


def test_a_deleted_item_stays_deleted_whatever_is_still_said_of_it(book: Book) -> None:
    book.added(item("a", "user"))
    book.told("conversation.item.deleted", item_id="a")
    book.done(item("a", "user"))
    book.transcription("completed", item_id="a", transcript="x", usage=None)
    book.told("conversation.item.added", item=item("a", "user"), previous_item_id=None, event_id="e1")
    book.told("response.done", response={"id": "r", "conversation_id": "c", "output": [item("a")]})
    book.told("input_audio_buffer.committed", item_id="a")
    assert book.ids == []
    assert book.store.get("a") is None


def test_a_deletion_may_overtake_what_it_deletes(book: Book) -> None:
    book.told("conversation.item.deleted", item_id="a")
    book.added(item("a", "user"))
    book.done(item("a", "user"))
    assert book.ids == []


def test_an_id_may_be_used_again_after_its_item_was_deleted(book: Book) -> None:
    book.added(item("a", "user"))
    book.told("conversation.item.deleted", item_id="a")
    book.added(item("a", "system"))
    assert to_plain(book.get("a").item)["role"] == "system"


def test_what_a_response_keeps_out_of_the_conversation_stays_out(book: Book) -> None:
    book.stream("output_item.added", item=item("a", status="in_progress"))
    book.stream("output_text.delta", delta="aside")
    book.stream("output_item.done", item=item("a", "assistant", {"type": "output_text", "text": "aside"}))
    book.told("response.done", response={"id": "r", "conversation_id": None, "output": [item("a")]})
    assert book.ids == []
    assert book.store._drafts == {}


def test_the_end_of_a_response_closes_what_was_left_open(book: Book) -> None:
    book.added(item("a", status="in_progress"))
    final = item("a", "assistant", said("whole"))
    book.told("response.done", response={"id": "r", "conversation_id": "c", "output": [final, item("b")]})
    assert [(stored.item_id, stored.done) for stored in book.store.items] == [("a", True), ("b", True)]
    assert book.get("a").text == "whole"


def test_beta_servers_tell_an_item_in_one_event(book: Book) -> None:
    book.told("conversation.item.created", item=item("u", "user", heard()), previous_item_id=None)
    book.told("conversation.item.created", item=item("a", status="in_progress"), previous_item_id="u")
    assert [stored.done for stored in book.store.items] == [True, False]
    book.stream("output_item.done", item=item("a", "assistant", said("beta")))
    assert [stored.done for stored in book.store.items] == [True, True]


def test_items_without_an_id_are_nobodys(book: Book) -> None:
    nameless = {"type": "message", "role": "user", "content": []}
    book.added(nameless)
    book.done(nameless)
    book.told("conversation.item.retrieved", item=nameless)
    book.told("response.done", response={"output": [nameless]})
    book.told("response.output_item.added", response_id="r", output_index=0, item=nameless)
    book.told("response.output_item.done", response_id="r", output_index=0, item=nameless)
    assert book.ids == []


def test_pain_13_audio_is_not_kept_unasked(book: Book) -> None:
    wire = item("u", "user", {"type": "input_audio", "audio": "AAAA", "transcript": None})
    book.added(wire)
    book.done(wire)
    book.told("conversation.item.retrieved", item=wire)
    book.audio("a", bytes(1000))
    assert to_plain(book.get("u").item)["content"] == [heard()]
    assert book.store.audio("a") is None
    assert book.store.kept_audio_bytes == 0


def test_pain_13_audio_is_kept_up_to_a_limit_and_cut_with_its_item() -> None:
    book = Book(ConversationStore(keep_audio_bytes=10_000))
    book.added(item("a", status="in_progress"))
    for _ in range(3):
        book.audio("a", bytes(1000))
    assert len(book.store.audio("a") or b"") == 3000
    book.told("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=10)
    assert len(book.store.audio("a") or b"") == 480
    book.audio("b", bytes(9_900))
    assert book.store.audio("a") is None
    assert book.store.kept_audio_bytes == 9_900
    book.told("conversation.item.deleted", item_id="b")
    assert book.store.kept_audio_bytes == 0
    book.audio("c", bytes(10_001))
    assert book.store.audio("c") is None
    book.store.clear()
    assert book.store.items == ()


def test_pain_13_events_cost_the_same_however_long_the_conversation_is(book: Book) -> None:
    for number in range(3000):
        book.added(item(f"i{number}", status="in_progress"), f"i{number - 1}" if number else None)
        book.stream("output_text.delta", delta="x", item_id=f"i{number}")
    assert len(book.store.items) == 3000


def test_as_many_deleted_items_are_known_as_items_may_be_kept() -> None:
    book = Book(ConversationStore(limits=KeptLimits(items=3)))
    for number in range(5):
        book.added(item(f"i{number}"), event_id=f"added{number}")
        book.told("conversation.item.deleted", item_id=f"i{number}")
    for number in range(5):
        book.added(item(f"i{number}"), event_id=f"added{number}")
    assert sorted(book.ids) == ["i0", "i1"]


@pytest.mark.parametrize(("stream", "said"), [("output_audio_transcript", "transcript"), ("output_text", "text")])
def test_a_part_of_which_only_the_whole_is_told_is_of_its_kind(book: Book, stream: str, said: str) -> None:
    book.added(item("a", status="in_progress"))
    book.stream(f"{stream}.done", **{said: "all"})
    kind = "output_audio" if said == "transcript" else "output_text"
    assert to_plain(book.get("a").item)["content"] == [{"type": kind, said: "all"}]


HAPPENINGS: dict[str, Callable[[Book, str, bool], None]] = {
    "added": lambda book, item_id, flag: book.added(item(item_id, status="in_progress" if flag else "completed")),
    "done": lambda book, item_id, flag: book.done(item(item_id)),
    "created": lambda book, item_id, flag: book.told(
        "conversation.item.created", item=item(item_id), previous_item_id=None
    ),
    "deleted": lambda book, item_id, flag: book.told("conversation.item.deleted", item_id=item_id),
    "retrieved": lambda book, item_id, flag: book.told("conversation.item.retrieved", item=item(item_id)),
    "heard": lambda book, item_id, flag: book.transcription(
        "completed" if flag else "delta", item_id, **{"transcript" if flag else "delta": "x", "usage": None}
    ),
    "not heard": lambda book, item_id, flag: book.transcription("failed", item_id, error={"message": "x"}),
    "said": lambda book, item_id, flag: book.stream(
        f"output_text.{'done' if flag else 'delta'}", item_id=item_id, **{"text" if flag else "delta": "x"}
    ),
    "item": lambda book, item_id, flag: book.stream(
        f"output_item.{'done' if flag else 'added'}", item=item(item_id, "assistant", said("x"))
    ),
    "spoken": lambda book, item_id, flag: book.audio(item_id, bytes(40)),
    "cut": lambda book, item_id, flag: book.told(
        "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=0
    ),
    "response": lambda book, item_id, flag: book.told(
        "response.done",
        response={"id": "r", "conversation_id": "c" if flag else None, "status": "", "output": [item(item_id)]},
    ),
    "another session": lambda book, item_id, flag: book.store.clear(),
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(HAPPENINGS)), st.sampled_from("abc"), st.booleans()), max_size=30),
    st.integers(2, 30),
)
def test_whatever_happens_in_whatever_order_of_what_is_gone_nothing_is_kept(
    happenings: list[tuple[str, str, bool]], most: int
) -> None:
    book = Book(ConversationStore(keep_audio_bytes=100, limits=KeptLimits(items=most)))
    for what, item_id, flag in happenings:
        HAPPENINGS[what](book, item_id, flag)
        nothing_else_is_kept(book.store)
        assert [stored.item_id for stored in book.store.items] == list(book.store._order.ids)
        assert len(book.store._deleted) <= most
    book.store.clear()
    nothing_else_is_kept(book.store)
    assert (len(book.store), book.store._drafts, book.store._deleted) == (0, {}, {})


def test_an_item_that_only_the_end_of_its_response_tells_is_of_that_response(book: Book) -> None:
    response = {"id": "r", "conversation_id": "c", "status": "completed", "output": [item("a", "assistant", said("x"))]}
    book.told("response.done", response=response)
    assert (book.get("a").response_id, book.get("a").text, book.get("a").done) == ("r", "x", True)
    assert book.store._sizes.keys() == {"a"}


def test_a_piece_of_a_transcript_goes_to_the_part_that_it_names_or_the_first(book: Book) -> None:
    book.added(item("u", "user", heard(), heard()))
    book.transcription("delta", content_index=1, delta="second")
    name = "conversation.item.input_audio_transcription.delta"
    book.told(name, item_id="u", delta="first")
    assert to_plain(book.get("u").item)["content"] == [heard("first"), heard("second")]


def test_audio_of_a_response_out_of_band_goes_when_that_ends() -> None:
    book = Book(ConversationStore(keep_audio_bytes=10_000))
    book.stream("output_audio_transcript.delta", delta="aside")
    book.audio("a", bytes(480))
    book.told("response.done", response={"id": "r", "conversation_id": None, "status": "completed", "output": []})
    assert (book.store.audio("a"), book.store.kept_audio_bytes, book.store._drafts) == (None, 0, {})


def test_what_never_becomes_an_item_is_forgotten_whole(book: Book) -> None:
    for number in range(300):
        book.transcription("delta", item_id=f"ghost{number}", delta="boo")
    nothing_else_is_kept(book.store)
    assert (len(book.store._drafts), book.ids) == (256, [])


def test_a_turn_that_is_committed_is_under_way_until_it_is_done(book: Book) -> None:
    book.told("input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert to_plain(book.get("u").item) == item("u", "user", heard(), status="in_progress")
