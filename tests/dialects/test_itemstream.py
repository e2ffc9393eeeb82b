"""One beta `created` becomes GA's `added` and `done`, in the place where GA has them, and goes back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from duologue import RealtimeEvent, decode, events
from duologue.dialects.itemstream import AddedToCreated, CreatedToAdded
from tests.dialects.vendor_frames import VENDOR_FRAMES

USER = {"type": "message", "id": "item_u", "role": "user", "status": "completed", "content": []}
CALL = {"type": "function_call", "id": "item_f", "name": "f", "call_id": "c", "arguments": "{}"}


def model(status: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "item_m", "role": "assistant", "status": status, "content": list(content)}


EMPTY, FULL = model("in_progress"), model("completed", {"type": "output_text", "text": "Three."})
TEXT = {"item_id": "item_m", "response_id": "resp_1", "output_index": 0, "content_index": 0}
RESPONSE = {"object": "realtime.response", "id": "resp_1", "status": "completed", "output": [FULL]}


def item(name: str, fields: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    if name.startswith("response"):
        return {"type": name, "response_id": "resp_1", "output_index": 0, "item": fields}
    return {"type": name, "previous_item_id": after, "item": fields}


BETA: list[dict[str, Any]] = [
    item("conversation.item.created", USER),
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
    item("response.output_item.added", EMPTY),
    item("conversation.item.created", EMPTY, "item_u"),
    {"type": "response.output_text.delta", **TEXT, "delta": "Three."},
    {"type": "response.output_text.done", **TEXT, "text": "Three."},
    item("response.output_item.done", FULL),
    {"type": "response.done", "response": RESPONSE},
]
GA: list[dict[str, Any]] = [
    item("conversation.item.added", USER),
    item("conversation.item.done", USER),
    *BETA[1:3],
    item("conversation.item.added", EMPTY, "item_u"),
    *BETA[4:6],
    item("conversation.item.done", FULL, "item_u"),
    *BETA[6:],
]


def stream(frames: Iterable[dict[str, Any]]) -> list[RealtimeEvent]:
    return [decode(json.dumps({"event_id": f"event_{index}", **frame})) for index, frame in enumerate(frames)]


def to_ga(beta: Iterable[RealtimeEvent]) -> list[RealtimeEvent]:
    numbers = itertools.count()
    stage = CreatedToAdded(new_event_id=lambda: f"minted_{next(numbers)}")
    return [out for event in beta for out in stage.receive(event)]


def to_beta(ga: Iterable[RealtimeEvent]) -> list[RealtimeEvent]:
    stage = AddedToCreated()
    return [out for event in ga for out in stage.receive(event)]


def without_ids(stream: Iterable[RealtimeEvent]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.to_json().items() if name != "event_id"} for event in stream]


def names(stream: Iterable[RealtimeEvent]) -> list[str]:
    return [str(event.type).removeprefix("conversation.item.") for event in stream]


def test_a_whole_beta_session_becomes_a_ga_session() -> None:
    assert without_ids(to_ga(stream(BETA))) == GA


def test_a_whole_ga_session_becomes_a_beta_session() -> None:
    assert without_ids(to_beta(stream(GA))) == BETA


def test_beta_to_ga_to_beta_loses_nothing() -> None:
    beta = stream(BETA)
    assert to_beta(to_ga(beta)) == beta


def test_ga_to_beta_to_ga_mints_only_the_ids_of_the_ends() -> None:
    ga = stream(GA)
    back = to_ga(to_beta(ga))
    assert without_ids(back) == without_ids(ga)
    ends = [event.event_id for event in back if isinstance(event, events.ConversationItemDoneEvent)]
    assert ends == ["minted_0", "minted_1"]


def test_a_recorded_looking_session_of_the_beta_goes_the_whole_way() -> None:
    # Behind the session stand frames of others.
    session = takewhile(lambda frame: frame["type"] != "transcription_session.update", VENDOR_FRAMES["openai-beta"])
    frames = [frame for frame in session if frame["type"].startswith(("resp", "conv"))]
    beta = [decode(json.dumps(frame), dialect="openai-beta") for frame in frames]
    server = [event for event in beta if isinstance(event, events.ServerEvent)]
    ga = to_ga(server)
    assert names(ga).count("added") == names(ga).count("done") == 2
    assert names(ga).index("done") < names(ga).index("response.output_item.added")
    assert to_beta(ga) == server


def test_a_response_that_is_cut_off_still_ends_its_items() -> None:
    cut = {**RESPONSE, "status": "cancelled", "output": []}
    ga = to_ga(stream([*BETA[:5], {"type": "response.done", "response": cut}]))
    assert names(ga)[-2:] == ["done", "response.done"]


def test_an_item_that_is_in_progress_is_done_when_a_response_holds_it_and_not_twice() -> None:
    created, end = item("conversation.item.created", EMPTY), item("conversation.item.done", FULL)
    assert names(to_ga(stream([created, *BETA[-1:]]))) == ["added", "done", "response.done"]
    assert names(to_ga(stream([created, end, *BETA[-1:]]))) == ["added", "done", "response.done"]


def test_a_response_ends_no_item_of_another_response() -> None:
    other = {**EMPTY, "id": "item_o"}
    later = {"type": "response.output_item.added", "response_id": "resp_2", "output_index": 0, "item": other}
    ga = to_ga(stream([later, item("conversation.item.created", other), *BETA[-1:]]))
    assert names(ga) == ["response.output_item.added", "added", "response.done"]


def test_an_end_is_remembered_for_64_items() -> None:
    items = [{**USER, "id": f"item_{number}"} for number in range(65)]
    created = [item("conversation.item.created", each) for each in items]
    ends = [item("conversation.item.done", each) for each in items[:2]]
    assert names(to_ga(stream([*created, *ends]))) == [*["added", "done"] * 65, "done"]


def test_an_end_that_is_told_twice_is_told_once() -> None:
    ga = to_ga(stream([item("conversation.item.created", USER), item("conversation.item.done", USER)]))
    assert names(ga) == ["added", "done"]
    heard = {**USER, "content": [{"type": "input_audio", "transcript": "Hi"}]}
    assert names(to_ga(stream([item("conversation.item.created", USER), item("conversation.item.done", heard)]))) == [
        "added",
        "done",
        "done",
    ]


def test_a_call_announced_without_a_status_is_the_models_while_its_response_makes_it() -> None:
    ga = to_ga(
        stream(
            [
                item("response.output_item.added", CALL),
                item("conversation.item.created", CALL),
                item("response.output_item.done", {**CALL, "arguments": '{"a":1}'}),
            ]
        )
    )
    assert names(ga) == ["response.output_item.added", "added", "done", "response.output_item.done"]


def test_foreign_fields_stay_with_the_event() -> None:
    event = decode(
        json.dumps({**item("conversation.item.created", USER), "event_id": "e", "client_timestamp": 3}), dialect="glm"
    )
    [added, _] = to_ga([event])
    assert added.to_json()["client_timestamp"] == 3
