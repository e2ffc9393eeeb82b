"""The stream of one response of the Responses model, as it is wrapped into `response.event`.

Events, their order and their fields are those of the Responses API. Snapshots are stripped, as at the hosted service:
`output` and `tools` are empty, and there is no `input`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET, to_builtins

from duologue.events import is_set
from duologue.events.live import LiveFunctionCall, LiveResponseEvent, LiveResponsesBackend
from duologue.protocol.live.server.outgoing import LiveOutbox

__all__ = ["ResponseStream"]

_NO_TEXT: Final[Mapping[str, Any]] = {"type": "output_text", "text": "", "annotations": []}


class ResponseStream:
    """Writes the events of one response, from `response.created` to its end."""

    def __init__(
        self,
        out: LiveOutbox,
        *,
        response_id: str,
        delegation_id: str | None,
        settings: LiveResponsesBackend,
        created_at: int,
    ) -> None:
        self._out = out
        self.response_id = response_id
        self._delegation_id = delegation_id
        self._settings = {
            "model": settings.model if is_set(settings.model) else "",
            "parallel_tool_calls": settings.parallel_tool_calls if is_set(settings.parallel_tool_calls) else True,
            "tool_choice": to_builtins(settings.tool_choice) if is_set(settings.tool_choice) else "auto",
        }
        self._created_at = created_at
        self._sequence = 0
        self._outputs = 0
        self._message_id: str | None = None
        """The message that is being written."""
        self._text = ""

    def begin(self) -> None:
        """The response begins."""
        self._send("response.created", response=self._snapshot("in_progress"))
        self._send("response.in_progress", response=self._snapshot("in_progress"))

    def text(self, piece: str) -> None:
        """The model writes; the first piece opens a message."""
        if self._message_id is None:
            self._message_id = self._out.new_id("msg")
            self._send("response.output_item.added", output_index=self._outputs, item=self._message("in_progress"))
            self._send("response.content_part.added", **self._place, part=dict(_NO_TEXT))
        self._text += piece
        self._send("response.output_text.delta", **self._place, delta=piece, logprobs=[])

    def call(self, call: LiveFunctionCall) -> None:
        """The model calls a function. The call shows three times; the last is the one to act on."""
        self._end_message()
        item_id, index = self._out.new_id("fc"), self._outputs
        item = {"id": item_id, "type": "function_call", "call_id": call.call_id, "name": call.name}
        added = {**item, "status": "in_progress", "arguments": ""}
        self._send("response.output_item.added", output_index=index, item=added)
        if call.arguments:
            self._send(
                "response.function_call_arguments.delta", item_id=item_id, output_index=index, delta=call.arguments
            )
        self._send(
            "response.function_call_arguments.done",
            item_id=item_id,
            output_index=index,
            arguments=call.arguments,
        )
        done = {**item, "status": "completed", "arguments": call.arguments}
        self._send("response.output_item.done", output_index=index, item=done)
        self._outputs += 1

    def complete(self) -> None:
        """The response is complete."""
        self._end_message()
        self._send("response.completed", response=self._snapshot("completed"))

    def fail(self, fault: str) -> None:
        """The response failed; its calls are dropped."""
        self._end_message()
        error = {"code": "server_error", "message": fault}
        self._send("response.failed", response={**self._snapshot("failed"), "error": error})

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._message_id, "output_index": self._outputs, "content_index": 0}

    def _end_message(self) -> None:
        if self._message_id is None:
            return
        self._send("response.output_text.done", **self._place, text=self._text, logprobs=[])
        self._send("response.content_part.done", **self._place, part={**_NO_TEXT, "text": self._text})
        self._send("response.output_item.done", output_index=self._outputs, item=self._message("completed"))
        self._message_id, self._text = None, ""
        self._outputs += 1

    def _message(self, status: str) -> dict[str, Any]:
        content = [{**_NO_TEXT, "text": self._text}] if status == "completed" else []
        return {"id": self._message_id, "type": "message", "status": status, "role": "assistant", "content": content}

    def _snapshot(self, status: str) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            **self._settings,
            "output": [],
            "tools": [],
        }

    def _send(self, type_name: str, **fields: Any) -> None:
        event = {"type": type_name, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        self._out.send(
            LiveResponseEvent(
                event_id=self._out.event_id(),
                event=event,
                delegation_id=self._delegation_id if self._delegation_id is not None else UNSET,
            )
        )
