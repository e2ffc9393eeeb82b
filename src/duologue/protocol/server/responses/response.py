"""One response and its events, in the order that clients rely on.

    response.created
    each item in turn, as `output_items` has it
    response.done

Each item that is opened is closed, however the response ends. A completed response without text still has one item.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from duologue.events import (
    McpCallError,
    RealtimeResponse,
    ResponseAudio,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseStatusDetails,
    ResponseStatusError,
    ResponseUsage,
    ServerEvent,
)
from duologue.events.base import UNSET
from duologue.protocol.server.commands import McpCall
from duologue.protocol.server.conversation.context_window import Context
from duologue.protocol.server.conversation.items import ConversationItems
from duologue.protocol.server.mcp_servers import McpOffer
from duologue.protocol.server.responses.mcp_calls import OutputApprovalRequest, OutputMcpCall
from duologue.protocol.server.responses.output_items import OutputCall, OutputItem, OutputMessage, Place
from duologue.protocol.server.responses.settings import ResponseSettings
from duologue.protocol.server.token_usage import response_usage, text_tokens
from duologue.protocol.states import (
    RESPONSE,
    RESPONSE_ENDS,
    ReportIllegal,
    ResponseInput,
    ResponseState,
    raise_illegal,
    step,
)

__all__ = ["Response"]


class Response:
    """Turns the output of a responder and a synthesizer into events."""

    def __init__(
        self,
        response_id: str,
        settings: ResponseSettings,
        conversation: ConversationItems,
        *,
        new_id: Callable[[str], str],
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.response_id = response_id
        self.settings = settings
        self.state: ResponseState = ResponseState.WAITING
        self.context: Context = Context()
        """What the response reads; set when it begins."""
        self.usage: ResponseUsage | None = None
        """Token usage; set at the end."""
        self.token_limit_reached = False
        """Whether the responder must write no more. Text that was written can still be spoken."""
        self.approved: dict[str, tuple[McpOffer, str]] = {}
        """Approved calls and their arguments, by the id of the approval request; they are made first."""
        self.cost_bytes = 0
        """Memory that it takes apart from the conversation."""
        self._conversation = conversation
        self._new_id = new_id
        self._report_illegal = report_illegal
        self._items: list[OutputItem] = []
        self._open: OutputMessage | OutputMcpCall | None = None
        self._spoken_bytes = 0
        self._began = False

    @property
    def ended(self) -> bool:
        """Whether `response.done` has been sent."""
        return self.state in RESPONSE_ENDS

    @property
    def calls(self) -> bool:
        """Whether it has made or requested a call. Then the client acts next: it calls a function, approves a call, or
        asks for a response to the output of an MCP tool."""
        return any(isinstance(item, OutputCall | OutputMcpCall | OutputApprovalRequest) for item in self._items)

    @property
    def text_tokens(self) -> int:
        """Tokens that the model has written so far."""
        return sum(text_tokens(item.written) for item in self._items)

    def created(self) -> Iterator[ServerEvent]:
        """The response's first event."""
        yield ResponseCreatedEvent(event_id=self._new_id("event"), response=self._wire())

    def begin(self, context: Context) -> None:
        """The context is complete: the responder may start."""
        began = step(RESPONSE, self.state, ResponseInput.CONTEXT_COMPLETE, report=self._report_illegal)
        if began is None:
            return
        self.state = began
        self.context = context
        self._began = True

    def add_text(self, delta: str) -> Iterator[ServerEvent]:
        """Add text: the answer, or the transcript of its speech."""
        message = yield from self._message()
        yield from message.add_text(delta)

    def begin_clause(self, clause: str) -> None:
        """The audio that follows speaks these words."""
        if isinstance(self._open, OutputMessage):
            self._open.begin_clause(clause)

    def add_audio(self, audio: bytes) -> Iterator[ServerEvent]:
        """Add speech, in the response's encoding."""
        message = yield from self._message()
        self._spoken_bytes += len(audio)
        yield from message.add_audio(audio)

    def add_call(self, name: str, arguments: str) -> Iterator[ServerEvent]:
        """Add a call of a client's function. The message before it is complete."""
        yield from self._close("completed")
        call = OutputCall(
            self._new_id("item"),
            self._place(),
            name=name,
            call_id=self._new_id("call"),
            arguments=arguments,
            new_id=self._new_id,
        )
        self._items.append(call)
        yield from call.open()
        yield from call.close("completed")

    def add_mcp_call(self, call: McpCall, *, approval_request_id: str | None = None) -> Iterator[ServerEvent]:
        """Start the call of an MCP tool. Until it answers, the response adds nothing else."""
        yield from self._close("completed")
        self._open = OutputMcpCall(call, self._place(), approval_request_id=approval_request_id, new_id=self._new_id)
        self._items.append(self._open)
        yield from self._open.open()

    def mcp_called(self, item_id: str, result: str | McpCallError) -> Iterator[ServerEvent]:
        """The tool's output or error. A stale report yields nothing."""
        call = self._open
        if isinstance(call, OutputMcpCall) and call.is_open and call.call.item_id == item_id:
            yield from call.answer(result)

    def add_approval_request(self, item_id: str, offer: McpOffer, arguments: str) -> Iterator[ServerEvent]:
        """Ask the user to approve a call."""
        yield from self._close("completed")
        request = OutputApprovalRequest(item_id, self._place(), offer=offer, arguments=arguments, new_id=self._new_id)
        self._items.append(request)
        yield from request.open()
        yield from request.close("completed")

    def end(
        self, happened: ResponseInput, *, reason: str | None = None, error: ResponseStatusError | None = None
    ) -> Iterator[ServerEvent]:
        """Close the open item and finish (rule `cancel.open_dones`). A second end yields nothing."""
        following = None if self.ended else step(RESPONSE, self.state, happened, report=self._report_illegal)
        if following is None:
            return
        if not self._items and following is ResponseState.COMPLETED:
            yield from self._message()
        self.state = following
        if following is ResponseState.COMPLETED:
            details, item_status = None, "completed"
        else:
            details = ResponseStatusDetails(type=following.value, reason=reason or UNSET, error=error or UNSET)
            item_status = "incomplete"
        yield from self._close(item_status)
        settings = self.settings
        self.usage = response_usage(
            self.context.tokens,
            # A response that never began has read nothing.
            instructions=settings.instructions if self._began else "",
            tools=settings.functions.tools if self._began else (),
            written_tokens=self.text_tokens,
            spoken_ms=settings.encoding.duration_ms(self._spoken_bytes),
        )
        yield ResponseDoneEvent(event_id=self._new_id("event"), response=self._wire(details, self.usage))

    # --- items

    def _message(self) -> Generator[ServerEvent, None, OutputMessage]:
        """The open message; a new one if none is open."""
        if not isinstance(self._open, OutputMessage):
            yield from self._close("completed")
            encoding = self.settings.encoding if self.settings.speak else None
            self._open = OutputMessage(self._new_id("item"), self._place(), encoding=encoding, new_id=self._new_id)
            self._items.append(self._open)
            yield from self._open.open()
        return self._open

    def _close(self, status: str) -> Iterator[ServerEvent]:
        if self._open is not None:
            yield from self._open.close(status)
            self._open = None

    def _place(self) -> Place:
        """Where the next item belongs."""
        return Place(
            response_id=self.response_id,
            output_index=len(self._items),
            conversation=self._conversation if self.settings.in_conversation else None,
        )

    # --- the wire

    def _wire(
        self, details: ResponseStatusDetails | None = None, usage: ResponseUsage | None = None
    ) -> RealtimeResponse:
        settings = self.settings
        return RealtimeResponse(
            object="realtime.response",
            id=self.response_id,
            status=self.state.value if self.ended else "in_progress",
            status_details=details,
            output=[item.entry.item for item in self._items],
            conversation_id=self._conversation.conversation_id if settings.in_conversation else None,
            output_modalities=["audio"] if settings.speak else ["text"],
            max_output_tokens="inf" if settings.max_output_tokens is None else settings.max_output_tokens,
            audio=ResponseAudio(output=settings.format),
            usage=usage,
            metadata=settings.metadata,
        )
