"""The rules of order for every stream of server events, whatever the client sends and the engines report."""

from __future__ import annotations

from typing import Any, Final

from duologue.events import RealtimeEvent

_FOLLOWS: Final = {
    "message": ["response.content_part.added"],
    "function_call": ["response.function_call_arguments.delta", "response.function_call_arguments.done"],
    "mcp_call": [
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
    ],
    "mcp_approval_request": ["response.output_item.done"],
}
"""What comes next when an item of a response has appeared, by its type."""


class OrderedStream:
    """Checks one session's events; `see` raises AssertionError for the first that breaks a rule.

    The client may delete items: then the rules expect no more events of the item, and its successor gets its
    predecessor.
    """

    def __init__(self) -> None:
        self.event_ids: set[str] = set()
        self.order: list[str] = []
        self.added: dict[str, bool] = {}
        """Items of the conversation by id: whether they are done."""
        self.responses: dict[str, dict[str, Any]] = {}
        self.ended: set[str] = set()
        self.turn: str | None = None
        self.turn_item: str | None = None
        self.stopped = False
        self.listing: set[str] = set()
        """Items of MCP servers that have been asked for their tools."""
        self.expects: list[str] = []
        """What must come next, and nothing in between."""
        self.last_ms = 0

    def see(self, event: RealtimeEvent) -> None:
        """The next event."""
        wire = event.to_json()
        name: str = wire["type"]
        assert wire["event_id"] not in self.event_ids, "an event id is used twice"
        self.event_ids.add(wire["event_id"])
        if self.expects:
            assert name == self.expects.pop(0)
        handler = getattr(self, f"_{name.replace('.', '_')}", None)
        if handler is not None:
            handler(wire)
        elif name.startswith("response."):
            raise AssertionError(f"there is no rule for {name}")

    def at_rest(self) -> None:
        """The server has sent all that it has to send for now."""
        assert self.expects == []

    @property
    def active(self) -> list[str]:
        """Responses that write to the conversation now."""
        return [name for name, response in self.responses.items() if response["in_conversation"]]

    # --- items

    def _conversation_item_added(self, wire: dict[str, Any]) -> None:
        item_id, previous = wire["item"]["id"], wire["previous_item_id"]
        assert item_id not in self.order
        if previous is None:
            self.order.insert(0, item_id)
        else:
            self.order.insert(self.order.index(previous) + 1, item_id)
        self.added[item_id] = False
        if wire["item"].get("status") == "in_progress":
            assert wire["item"].get("content", []) == []
            assert wire["item"].get("arguments", "") == ""
        elif wire["item"]["type"] == "mcp_list_tools":
            assert wire["item"]["tools"] == []
            self.expects = ["mcp_list_tools.in_progress"]
        elif wire["item"]["type"] == "mcp_call":
            assert wire["item"]["arguments"] == ""
        else:
            self.expects = ["conversation.item.done"]
        if self.turn_item is not None:
            assert item_id == self.turn_item
            self.turn_item = None
        _without_audio(wire["item"])

    def _conversation_item_done(self, wire: dict[str, Any]) -> None:
        item_id = wire["item"]["id"]
        assert self.added[item_id] is False, "an item is done twice"
        self.added[item_id] = True
        place = self.order.index(item_id)
        assert wire["previous_item_id"] == (self.order[place - 1] if place else None)
        _without_audio(wire["item"])

    def _conversation_item_deleted(self, wire: dict[str, Any]) -> None:
        self.order.remove(wire["item_id"])
        del self.added[wire["item_id"]]

    # --- MCP servers

    def _mcp_list_tools_in_progress(self, wire: dict[str, Any]) -> None:
        assert self.added[wire["item_id"]] is False
        self.listing.add(wire["item_id"])

    def _list_ended(self, wire: dict[str, Any]) -> None:
        self.listing.remove(wire["item_id"])
        if wire["item_id"] in self.added:
            self.expects = ["conversation.item.done"]

    _mcp_list_tools_completed = _list_ended
    _mcp_list_tools_failed = _list_ended

    def _response_mcp_call_in_progress(self, wire: dict[str, Any]) -> None:
        assert self._mcp_call(wire)["part"]["closed"] == {"arguments"}

    def _mcp_call_ended(self, wire: dict[str, Any]) -> None:
        part = self._mcp_call(wire)["part"]
        assert not part["done"]
        part["done"] = True

    _response_mcp_call_completed = _mcp_call_ended
    _response_mcp_call_failed = _mcp_call_ended

    def _mcp_call(self, wire: dict[str, Any]) -> dict[str, Any]:
        """The item of an event that names no response."""
        [item] = [
            response["items"][wire["item_id"]]
            for response in self.responses.values()
            if wire["item_id"] in response["items"]
        ]
        assert (item["index"], item["done"]) == (wire["output_index"], False)
        return dict(item)

    def _response_mcp_call_arguments_delta(self, wire: dict[str, Any]) -> None:
        item = self._item_of(wire)
        assert item["part"] is None
        item["part"] = {"type": "arguments", "said": wire["delta"], "closed": set(), "done": False}

    def _response_mcp_call_arguments_done(self, wire: dict[str, Any]) -> None:
        part = self._item_of(wire)["part"]
        assert wire["arguments"] == part["said"]
        part["closed"].add("arguments")

    # --- turns

    def _input_audio_buffer_speech_started(self, wire: dict[str, Any]) -> None:
        assert self.turn is None or not self.stopped
        assert wire["audio_start_ms"] >= 0
        self.turn = wire["item_id"]
        self.last_ms = wire["audio_start_ms"]

    def _input_audio_buffer_speech_stopped(self, wire: dict[str, Any]) -> None:
        assert wire["item_id"] == self.turn
        assert wire["audio_end_ms"] >= self.last_ms
        self.expects = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
        self.stopped = True

    def _input_audio_buffer_timeout_triggered(self, wire: dict[str, Any]) -> None:
        assert self.turn is None, "the user is not idle while a turn is under way"
        assert not self.active
        assert 0 <= wire["audio_start_ms"] <= wire["audio_end_ms"]
        self.turn, self.stopped = wire["item_id"], True
        self.expects = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]

    def _input_audio_buffer_committed(self, wire: dict[str, Any]) -> None:
        if self.stopped:
            assert wire["item_id"] == self.turn
        assert wire["previous_item_id"] == (self.order[-1] if self.order else None)
        self.turn_item, self.turn, self.stopped = wire["item_id"], None, False
        self.expects = ["conversation.item.added", "conversation.item.done"]

    # --- responses

    def _response_created(self, wire: dict[str, Any]) -> None:
        response = wire["response"]
        assert response["id"] not in self.responses | dict.fromkeys(self.ended)
        assert (response["status"], response["output"]) == ("in_progress", [])
        in_conversation = response["conversation_id"] is not None
        assert not (in_conversation and self.active), "two responses write to the conversation"
        self.responses[response["id"]] = {"in_conversation": in_conversation, "items": {}, "wire": response}

    def _response_output_item_added(self, wire: dict[str, Any]) -> None:
        response = self.responses[wire["response_id"]]
        assert wire["output_index"] == len(response["items"])
        assert all(item["done"] for item in response["items"].values()), "two items of a response are open"
        response["items"][wire["item"]["id"]] = {"index": wire["output_index"], "part": None, "done": False}
        follows = list(_FOLLOWS[wire["item"]["type"]])
        if wire["item"]["type"] == "mcp_approval_request":
            response["items"][wire["item"]["id"]]["part"] = {"type": "arguments", "done": True}
            follows = [*(["conversation.item.done"] if response["in_conversation"] else []), *follows]
        self.expects = ["conversation.item.added", *follows] if response["in_conversation"] else follows

    def _item_of(self, wire: dict[str, Any]) -> dict[str, Any]:
        item: dict[str, Any] = self.responses[wire["response_id"]]["items"][wire["item_id"]]
        assert (item["index"], item["done"]) == (wire["output_index"], False)
        return item

    def _response_content_part_added(self, wire: dict[str, Any]) -> None:
        item = self._item_of(wire)
        assert item["part"] is None
        item["part"] = {"type": wire["part"]["type"], "said": "", "closed": set()}

    def _delta(self, wire: dict[str, Any]) -> None:
        item = self._item_of(wire)
        assert item["part"]["closed"] == set()
        if not wire["type"].endswith("output_audio.delta"):
            item["part"]["said"] += wire["delta"]

    _response_output_text_delta = _delta
    _response_output_audio_delta = _delta
    _response_output_audio_transcript_delta = _delta

    def _response_function_call_arguments_delta(self, wire: dict[str, Any]) -> None:
        item = self._item_of(wire)
        assert item["part"] is None
        item["part"] = {"type": "arguments", "said": wire["delta"], "closed": set(), "done": False}

    def _response_function_call_arguments_done(self, wire: dict[str, Any]) -> None:
        part = self._item_of(wire)["part"]
        assert wire["arguments"] == part["said"]
        assert wire["name"]
        assert wire["call_id"]
        part["done"] = True

    def _stream_done(self, wire: dict[str, Any]) -> None:
        part = self._item_of(wire)["part"]
        assert wire["type"] not in part["closed"]
        part["closed"].add(wire["type"])
        if "text" in wire or "transcript" in wire:
            assert wire.get("text", wire.get("transcript")) == part["said"]

    _response_output_text_done = _stream_done
    _response_output_audio_done = _stream_done
    _response_output_audio_transcript_done = _stream_done

    def _response_content_part_done(self, wire: dict[str, Any]) -> None:
        part = self._item_of(wire)["part"]
        streams = {"text": 1, "audio": 2}[part["type"]]
        assert len(part["closed"]) == streams, "a part is done before its streams are"
        assert wire["part"]["type"] == part["type"]
        assert wire["part"].get("text", wire["part"].get("transcript")) == part["said"]
        assert "audio" not in wire["part"]
        part["done"] = True

    def _response_output_item_done(self, wire: dict[str, Any]) -> None:
        item = self.responses[wire["response_id"]]["items"][wire["item"]["id"]]
        assert item["part"]["done"]
        assert not item["done"]
        item["done"] = wire["item"].get("status", "completed")  # calls of MCP tools have none
        assert item["done"] in ("completed", "incomplete")
        _without_audio(wire["item"])

    def _response_done(self, wire: dict[str, Any]) -> None:
        response = wire["response"]
        begun = self.responses.pop(response["id"])
        self.ended.add(response["id"])
        assert response["status"] in ("completed", "cancelled", "incomplete", "failed")
        assert all(item["done"] for item in begun["items"].values())
        assert [item["id"] for item in response["output"]] == list(begun["items"])
        dones = {item["done"] for item in begun["items"].values() if item["part"]["type"] != "arguments"}
        if response["status"] == "completed":
            assert response["output"]
            assert {item["done"] for item in begun["items"].values()} == {"completed"}
            assert response["status_details"] is None
        else:
            # Of several items the last one was open, unless calls are all there is.
            assert dones <= {"incomplete", "completed"}
            assert len(begun["items"]) > 1 or dones <= {"incomplete"}
            assert response["status_details"]["type"] == response["status"]
        for name in ("conversation_id", "metadata", "output_modalities"):
            assert response.get(name) == begun["wire"].get(name)
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        for item in response["output"]:
            _without_audio(item)
            if begun["in_conversation"] and item["id"] in self.added:
                self.added[item["id"]] = self.added[item["id"]] or False


def _without_audio(item: dict[str, Any]) -> None:
    assert all("audio" not in part for part in item.get("content", []))
