"""One response on the server: the events of its life, in the order that clients rely on.

    response.created
    each item in turn, as `output_items` has it
    response.done

However it ends, what was opened is closed; a response that is complete without a word still has its item.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from duologue.events import (
    ConversationItem,
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
from duologue.protocol.server.conversation.items import Conversation
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
    """Turns what a responder and a synthesizer produce into events."""

    def __init__(
        self,
        response_id: str,
        settings: ResponseSettings,
        conversation: Conversation,
        *,
        new_id: Callable[[str], str],
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.response_id = response_id
        self.settings = settings
        self.state = ResponseState.WAITING
        self.context: tuple[ConversationItem, ...] = ()
        """What the response answers, once it is known."""
        self.usage: ResponseUsage | None = None
        """What it cost, once it has ended."""
        self.spent = False
        """Its tokens are: no more is to be written, and what is written may still be spoken."""
        self.approved: dict[str, tuple[McpOffer, str]] = {}
        """Calls with their arguments that the user has allowed, by the id of the request: to be made first of all."""
        self.cost_bytes = 0
        """What it holds in memory beside the conversation."""
        self._conversation = conversation
        self._new_id = new_id
        self._report_illegal = report_illegal
        self._items: list[OutputItem] = []
        self._open: OutputMessage | OutputMcpCall | None = None
        self._spoken_bytes = 0
        self._began = False

    @property
    def ended(self) -> bool:
        """Whether `response.done` has been made."""
        return self.state in RESPONSE_ENDS

    @property
    def calls(self) -> bool:
        """Whether it has called something: then it is the client's turn, to call a function, to allow a call, or to ask
        for a response to what an MCP server's tool returned."""
        return any(isinstance(item, OutputCall | OutputMcpCall | OutputApprovalRequest) for item in self._items)

    @property
    def text_tokens(self) -> int:
        """How much has been written so far."""
        return sum(text_tokens(item.written) for item in self._items)

    def created(self) -> Iterator[ServerEvent]:
        """The response's first event."""
        yield ResponseCreatedEvent(event_id=self._new_id("event"), response=self._wire())

    def begin(self, context: tuple[ConversationItem, ...]) -> None:
        """The context is complete: the responder may start."""
        began = step(RESPONSE, self.state, ResponseInput.CONTEXT_COMPLETE, report=self._report_illegal)
        if began is None:
            return
        self.state = began
        self.context = context
        self._began = True

    def add_text(self, delta: str) -> Iterator[ServerEvent]:
        """More text: the answer itself, or what the voice says."""
        message = yield from self._message()
        yield from message.add_text(delta)

    def begin_clause(self, clause: str) -> None:
        """The audio that comes next speaks these words."""
        if isinstance(self._open, OutputMessage):
            self._open.begin_clause(clause)

    def add_audio(self, audio: bytes) -> Iterator[ServerEvent]:
        """More speech, in the wire's format."""
        message = yield from self._message()
        self._spoken_bytes += len(audio)
        yield from message.add_audio(audio)

    def add_call(self, name: str, arguments: str) -> Iterator[ServerEvent]:
        """A function is to be called. What was said before is complete."""
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
        """A tool of an MCP server is being called; until it answers, nothing else is said."""
        yield from self._close("completed")
        self._open = OutputMcpCall(call, self._place(), approval_request_id=approval_request_id, new_id=self._new_id)
        self._items.append(self._open)
        yield from self._open.open()

    def mcp_called(self, item_id: str, result: str | McpCallError) -> Iterator[ServerEvent]:
        """What the tool answered, or why it did not. Stale reports yield nothing."""
        call = self._open
        if isinstance(call, OutputMcpCall) and call.is_open and call.call.item_id == item_id:
            yield from call.answer(result)

    def add_approval_request(self, item_id: str, offer: McpOffer, arguments: str) -> Iterator[ServerEvent]:
        """The user is asked to allow a call."""
        yield from self._close("completed")
        request = OutputApprovalRequest(item_id, self._place(), offer=offer, arguments=arguments, new_id=self._new_id)
        self._items.append(request)
        yield from request.open()
        yield from request.close("completed")

    def end(
        self, happened: ResponseInput, *, reason: str | None = None, error: ResponseStatusError | None = None
    ) -> Iterator[ServerEvent]:
        """Close what is open and finish. Ending twice yields nothing."""
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
            self.context,
            # A response that never began has read nothing.
            instructions=settings.instructions if self._began else "",
            tools=settings.functions.tools if self._began else (),
            written_tokens=self.text_tokens,
            spoken_ms=settings.encoding.duration_ms(self._spoken_bytes),
        )
        yield ResponseDoneEvent(event_id=self._new_id("event"), response=self._wire(details, self.usage))

    # --- its items

    def _message(self) -> Generator[ServerEvent, None, OutputMessage]:
        """The message that is being said; one is begun if there is none."""
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
        """Where the next item stands."""
        return Place(
            response_id=self.response_id,
            output_index=len(self._items),
            conversation=self._conversation if self.settings.in_conversation else None,
        )

    # --- the response

    def _wire(
        self, details: ResponseStatusDetails | None = None, usage: ResponseUsage | None = None
    ) -> RealtimeResponse:
        settings = self.settings
        return RealtimeResponse(
            object="realtime.response",
            id=self.response_id,
            status=self.state.value if self.ended else "in_progress",
            status_details=details,
            output=[item.item for item in self._items],
            conversation_id=self._conversation.conversation_id if settings.in_conversation else None,
            output_modalities=["audio"] if settings.speak else ["text"],
            max_output_tokens="inf" if settings.max_output_tokens is None else settings.max_output_tokens,
            audio=ResponseAudio(output=settings.format),
            usage=usage,
            metadata=settings.metadata,
        )
