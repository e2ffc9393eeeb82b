"""Invariants: what each check finds in a trace, and what it accepts."""

from __future__ import annotations

from typing import Any

from duologue.conformance.rulebook.realtime_invariants import REALTIME_INVARIANTS
from duologue.conformance.wire.trace import Trace, WireMessage

Event = dict[str, Any]


def _trace(*events: Event, sent: tuple[Event, ...] = ()) -> Trace:
    messages = [WireMessage(side="C", at_s=0.0, event=event) for event in sent]
    messages += [WireMessage(side="S", at_s=0.0, event=event) for event in events]
    return Trace(name="by hand", messages=messages)


def _faults(rule_id: str, trace: Trace) -> list[str]:
    return [fault for fault in REALTIME_INVARIANTS[rule_id](trace) if fault is not None]


def _response(type: str, id: str = "resp_1", **more: Any) -> Event:
    response = {"id": id, **more}
    return {"type": type, "response": response} if type.endswith(("created", "response.done")) else {}


def _of(type: str, **more: Any) -> Event:
    return {"type": type, "response_id": "resp_1", "item_id": "item_1", "content_index": 0, **more}


def _item(type: str, id: str, before: str | None = None, role: str = "user") -> Event:
    return {"type": type, "previous_item_id": before, "item": {"id": id, "role": role}}


def test_a_message_that_is_no_object_is_found() -> None:
    trace = Trace(name="by hand", messages=[WireMessage(side="S", at_s=0.0, event={}, problem="it is an array")])
    assert _faults("one_object", trace) == ["it is an array"]
    assert _faults("event_ids", trace) == []


def test_the_one_event_without_an_id_is_accepted() -> None:
    assert _faults("event_ids", _trace({"type": "input_audio_buffer.dtmf_event_received"})) == []
    assert _faults("event_ids", _trace({"type": "session.created"})) == ["session.created without event_id"]


def test_two_responses_are_kept_apart() -> None:
    events = [_response(type, id) for type in ("response.created", "response.done") for id in ("resp_1", "resp_2")]
    assert _faults("one_done", _trace(*events)) == []
    assert _faults("one_done", _trace(*events[:-1])) == ["resp_2: response.done comes 0 times"]


def test_a_delta_behind_its_done_is_found_once_for_each() -> None:
    stream = "response.output_text"
    late = _trace(_of(f"{stream}.delta"), _of(f"{stream}.done"), _of(f"{stream}.delta"))
    assert _faults("one_stream_end", late) == [f"resp_1: {stream}.delta after {stream}.done"]


def test_deltas_of_two_parts_are_joined_apart() -> None:
    def words(index: int, *pieces: str, whole: str) -> list[Event]:
        deltas = [_of("response.output_text.delta", content_index=index, delta=piece) for piece in pieces]
        return [*deltas, _of("response.output_text.done", content_index=index, text=whole)]

    one, other = words(0, "He", "llo", whole="Hello"), words(1, "Good", " day", whole="Good day")
    mixed = [each for pair in zip(one, other, strict=True) for each in pair]
    assert _faults("concat_text", _trace(*mixed)) == []
    assert len(_faults("concat_text", _trace(*words(0, "He", "llo", whole="Hallo")))) == 1


def test_an_out_of_band_response_that_names_a_conversation_is_known_by_its_metadata() -> None:
    request = {"type": "response.create", "response": {"conversation": "none", "metadata": {"provenance": "1"}}}
    events = [
        _response("response.created", conversation_id="conv_1", metadata={"provenance": "1"}),
        {"type": "response.output_item.added", "response_id": "resp_1", "item": {"id": "item_1"}},
        _item("conversation.item.added", "item_1"),
    ]
    assert _faults("oob_silent", _trace(*events, sent=(request,))) == ["resp_1: conversation.item.added for its item"]
    assert _faults("oob_silent", _trace(*events)) == []


def test_an_error_may_name_what_was_sent_or_nothing() -> None:
    sent = ({"type": "session.update", "event_id": "mine"},)
    errors = [{"type": "error", "error": {"event_id": id}} for id in ("mine", None, "other")]
    assert _faults("error_echo", _trace(*errors, sent=sent)) == ["an error names other, which was never sent"]


def test_a_check_without_a_case_yields_nothing() -> None:
    decided = {rule_id for rule_id, check in REALTIME_INVARIANTS.items() if list(check(_trace()))}
    assert decided == set()
