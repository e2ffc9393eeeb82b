"""What holds in every trace of Realtime: one function for each rule of `tables/realtime/invariants.toml`.

A function yields a sentence for each violation in a trace, and None each time that the rule holds. A function that
yields nothing found no case of its rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from duologue.conformance.rulebook.any_session import (
    Check,
    Verdicts,
    errors_name_commands,
    event_ids,
    one_object,
    published,
)
from duologue.conformance.rulebook.item_order import prev_chain
from duologue.conformance.wire.trace import Json, Trace, WireMessage

__all__ = ["REALTIME_INVARIANTS"]

_ENDS: Final = ("completed", "cancelled", "incomplete", "failed")
_STREAMS: Final[Mapping[str, tuple[str, str]]] = {
    "response.output_text": ("delta", "text"),
    "response.output_audio_transcript": ("delta", "transcript"),
    "response.function_call_arguments": ("delta", "arguments"),
}
"""Streams whose `done` repeats the joined deltas: the fields that hold a delta's text and the whole text."""
_IN_PARTS: Final = ("response.output_text", "response.output_audio_transcript", "response.output_audio")


def _one_done(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        types = [each.type for each in messages]
        if types.count("response.created") != 1 or types[0] != "response.created":
            yield f"{id}: response.created comes {types.count('response.created')} times, and {types[0]} first"
        elif types.count("response.done") != 1:
            yield f"{id}: response.done comes {types.count('response.done')} times"
        else:
            yield None if types[-1] == "response.done" else f"{id}: {types[-1]} comes after response.done"


def _known_status(trace: Trace) -> Verdicts:
    for each in trace.received("response.done"):
        status = each.get("response.status")
        yield None if status in _ENDS else f"response.done with status {status}"


def _item_pairs(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        yield from _pairs(messages, "response.output_item", ("item.id", "output_index"), id)


def _part_pairs(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        yield from _pairs(messages, "response.content_part", ("item_id", "content_index"), id)


def _item_added_done(trace: Trace) -> Verdicts:
    yield from _pairs(trace.received(), "conversation.item", ("item.id",), "the conversation")


def _pairs(messages: Iterable[WireMessage], prefix: str, keys: tuple[str, ...], where: str) -> Verdicts:
    """After every `prefix.added` comes one `prefix.done` with the same keys; no `done` comes without an `added`."""
    open_since: Counter[tuple[Any, ...]] = Counter()
    done: Counter[tuple[Any, ...]] = Counter()
    for each in messages:
        key = tuple(each.get(path) for path in keys)
        if each.type == f"{prefix}.added":
            open_since[key] += 1
        elif each.type == f"{prefix}.done":
            done[key] += 1
            if not open_since[key]:
                yield f"{where}: {prefix}.done for {key} without added before it"
    for key, times in open_since.items():
        if (times, done[key]) == (1, 1):
            yield None
        else:
            yield f"{where}: {prefix} {key} is added {times} times and done {done[key]} times"


def _deltas_inside_part(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        open_parts: set[tuple[Any, Any]] = set()
        for each in messages:
            part = (each.get("item_id"), each.get("content_index"))
            stream, _, kind = each.type.rpartition(".")
            if each.type == "response.content_part.added":
                open_parts.add(part)
            elif each.type == "response.content_part.done":
                open_parts.discard(part)
            elif stream in _IN_PARTS and kind in ("delta", "done"):
                yield None if part in open_parts else f"{id}: {each.type} outside its content part"


def _one_stream_end(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        begun: dict[tuple[Any, ...], int] = {}
        for each in messages:
            stream, _, kind = each.type.rpartition(".")
            if stream not in (*_IN_PARTS, "response.function_call_arguments") or kind not in ("delta", "done"):
                continue
            key = (stream, each.get("item_id"), each.get("content_index"))
            if begun.get(key):
                yield f"{id}: {each.type} after {stream}.done"
            begun[key] = begun.get(key, 0) + (kind == "done")
        for (stream, *_), ends in begun.items():
            yield None if ends else f"{id}: {stream}.done does not come"


def _concat(stream: str) -> Check:
    piece, whole = _STREAMS[stream]

    def check(trace: Trace) -> Verdicts:
        joined: dict[tuple[Any, ...], str] = {}
        for each in trace.received(f"{stream}.delta", f"{stream}.done"):
            key = (each.get("response_id"), each.get("item_id"), each.get("content_index"))
            if each.type == f"{stream}.delta":
                joined[key] = joined.get(key, "") + str(each.get(piece))
            elif key in joined:
                same = joined[key] == each.get(whole)
                yield None if same else f"{each.get('item_id')}: the deltas are not what {each.type} says"

    return check


def _part_types(trace: Trace) -> Verdicts:
    for each in trace.received("response.content_part.added", "response.content_part.done"):
        kind = each.get("part.type")
        yield None if kind in ("text", "audio") else f"{each.type} with part.type {kind}"
    for each in trace.received("response.output_item.done"):
        for part in each.get("item.content") or ():
            kind = part.get("type")
            good = kind in ("output_text", "output_audio")
            yield None if good else f"an item of response.output_item.done holds content of type {kind}"


def _final_output(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        done = [each for each in messages if each.type == "response.output_item.done"]
        items = [each.get("item.id") for each in sorted(done, key=lambda each: each.get("output_index") or 0)]
        for each in messages:
            if each.type == "response.done":
                listed = each.get("response.output")
                ids = [item.get("id") for item in listed] if isinstance(listed, list) else None
                yield None if ids == items else f"{id}: response.done lists {ids}, and {items} were done"


def _no_audio_in_items(trace: Trace) -> Verdicts:
    for each in trace.received():
        if each.type == "conversation.item.retrieved":
            continue
        items = each.get("response.output") if each.type == "response.done" else [each.get("item")]
        for item in items or ():
            for part in (item or {}).get("content") or ():
                yield f"{each.type} holds audio bytes" if part.get("audio") else None


def _oob_silent(trace: Trace) -> Verdicts:
    for id, messages in trace.responses().items():
        if not _is_out_of_band(trace, id, messages):
            continue
        items = {each.get("item.id") for each in messages if each.type == "response.output_item.added"}
        unexpected = [
            each.type
            for each in trace.received()
            if each.type.startswith("conversation.item.")
            and each.ids & items
            and each.type != "conversation.item.retrieved"
        ]
        yield f"{id}: {unexpected[0]} for its item" if unexpected else None


def _is_out_of_band(trace: Trace, id: str, messages: list[WireMessage]) -> bool:
    created = messages[0].event.get("response")
    if not isinstance(created, Mapping):
        return False
    if "conversation_id" in created and created["conversation_id"] is None:
        return True
    # A server may give an out-of-band response a conversation_id; the metadata of the request identifies it then.
    requests = [each for each in trace.sent("response.create") if _asks_out_of_band(each.event)]
    metadata = created.get("metadata")
    return metadata is not None and any(each.get("response.metadata") == metadata for each in requests)


def _asks_out_of_band(event: Json) -> bool:
    return (event.get("response") or {}).get("conversation") == "none"


def _commit_item(trace: Trace) -> Verdicts:
    committed: str | None = None
    speaking: str | None = None
    for each in trace.received():
        id = each.get("item_id")
        match each.type:
            case "input_audio_buffer.speech_started":
                speaking = id
            case "input_audio_buffer.speech_stopped":
                yield None if id == speaking else f"speech_stopped of {id} after speech_started of {speaking}"
            case "input_audio_buffer.committed":
                if speaking is not None:
                    yield None if id == speaking else f"{id} is committed after speech_started of {speaking}"
                committed, speaking = id, None
            case "conversation.item.added" if each.get("item.role") == "user" and committed is not None:
                item = each.get("item.id")
                yield None if item == committed else f"{committed} is committed, and {item} added"
                committed = None
            case _:
                pass  # the rule is about these events
    if committed is not None:
        yield f"{committed} is committed, and no user item added"


def _no_append_ack(trace: Trace) -> Verdicts:
    appended = {each.event.get("event_id") for each in trace.sent("input_audio_buffer.append")}
    if appended:
        yield None
    for each in trace.received():
        if each.type.startswith("input_audio_buffer.append"):
            yield f"{each.type} came"


def _rate_limits_free(trace: Trace) -> Verdicts:
    for each in trace.received("rate_limits.updated"):
        yield None if isinstance(each.get("rate_limits"), list) else "rate_limits.updated without rate_limits"
    if any(trace.received("response.done")):
        yield None


REALTIME_INVARIANTS: Final[Mapping[str, Check]] = {
    "one_object": one_object,
    "event_ids": event_ids(but={"input_audio_buffer.dtmf_event_received"}),
    "published_types": published("realtime"),
    "one_done": _one_done,
    "known_status": _known_status,
    "item_pairs": _item_pairs,
    "part_pairs": _part_pairs,
    "deltas_inside_part": _deltas_inside_part,
    "one_stream_end": _one_stream_end,
    "concat_text": _concat("response.output_text"),
    "concat_transcript": _concat("response.output_audio_transcript"),
    "concat_args": _concat("response.function_call_arguments"),
    "part_types": _part_types,
    "final_output": _final_output,
    "no_audio_in_items": _no_audio_in_items,
    "oob_silent": _oob_silent,
    "item_added_done": _item_added_done,
    "commit_item": _commit_item,
    "prev_chain": prev_chain,
    "error_echo": errors_name_commands("error.event_id"),
    "no_append_ack": _no_append_ack,
    "rate_limits_free": _rate_limits_free,
}
