"""The server's voice: which responses there are, and when each may run.

One response at a time writes to the conversation; any number may run beside it out of band.
"""

from __future__ import annotations

from math import inf
from typing import Final

from duologue.events import (
    ConversationItem,
    InputAudioPart,
    McpApprovalResponseItem,
    McpCallError,
    McpToolExecutionError,
    MessageItem,
    RateLimitsUpdatedEvent,
    ResponseCreateParams,
    ResponseStatusError,
    is_set,
)
from duologue.protocol.server.account import Account, held_bytes
from duologue.protocol.server.commands import McpCall, Respond, StopResponse
from duologue.protocol.server.conversation.context_window import Context, ContextTooLong
from duologue.protocol.server.conversation.items import Conversation, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.protocol.server.input.pipeline import InputPipeline
from duologue.protocol.server.mcp_servers import McpOffer, McpServers
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.responses.response import Response
from duologue.protocol.server.responses.settings import ResponseSettings, settings_of
from duologue.protocol.server.session import Session
from duologue.protocol.server.token_budget import Allowance
from duologue.protocol.server.token_usage import instruction_tokens
from duologue.protocol.states import ResponseInput, ResponseState

__all__ = ["ResponseScheduler"]

_BYTES_PER_TOKEN: Final = 32
"""Of text in memory: four characters of eight bytes."""


class ResponseScheduler:
    """Creates, runs, cancels and ends responses."""

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        listening: InputPipeline,
        outgoing: Outgoing,
        *,
        idle: IdleTimer,
        allowance: Allowance | None,
        max_context_tokens: int,
        max_responses: int,
        max_items: int,
        max_configuration_bytes: int,
        account: Account,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._listening = listening
        self._out = outgoing
        self._idle = idle
        self._allowance = allowance
        self._max_context_tokens = max_context_tokens
        self._max_responses = max_responses
        self._max_configuration_bytes = max_configuration_bytes
        self._account = account
        self._context = Context()
        self.mcp = McpServers(conversation, outgoing, max_items=max_items)
        self._to_allow: dict[str, tuple[McpOffer, str]] = {}
        """Calls that the user was asked to allow, by the id of the request, with their arguments."""
        self._allowed: dict[str, tuple[McpOffer, str]] = {}
        """Those that wait for a response to make them."""
        self._running: dict[str, Response] = {}
        self._owed = False
        self._created = 0

    @property
    def active(self) -> Response | None:
        """The response that writes to the conversation now."""
        return next((response for response in self._running.values() if response.settings.in_conversation), None)

    def session_updated(self) -> None:
        """Take over a change of the tools. What was to be called at a server that is gone is not called any more."""
        gone = self.mcp.session_offers(self._session.realtime.tools)
        for calls in self._unmade_calls() if gone else ():
            for request_id in [name for name, (offer, _) in calls.items() if offer.server in gone]:
                del calls[request_id]

    def _unmade_calls(self) -> list[dict[str, tuple[McpOffer, str]]]:
        """Calls that the user was asked to allow, or has allowed, and that nobody has made."""
        return [self._to_allow, self._allowed, *(response.approved for response in self._running.values())]

    def create(self, params: ResponseCreateParams | None, *, silent_ms: int | None = None) -> None:
        """Start a response, as the client asked, or to prompt a user who has said nothing. Raises InvalidRequest."""
        params = params or ResponseCreateParams()
        self.mcp.check(params.tools, "response")
        settings = settings_of(
            params, self._session, self._conversation, self._out, listed=self.mcp.offered, silent_ms=silent_ms
        )
        if settings.in_conversation and (active := self.active) is not None:
            raise InvalidRequest("response_active", response_id=active.response_id)
        if len(self._running) >= self._max_responses and not settings.in_conversation:
            raise InvalidRequest("too_many_responses", most=self._max_responses)
        cost = self._cost_of(params, settings)
        self.mcp.list_tools(params.tools)
        response = Response(
            self._out.new_id("resp"),
            settings,
            self._conversation,
            new_id=self._out.new_id,
            report_illegal=self._out.command,
        )
        response.cost_bytes = cost
        self._running[response.response_id] = response
        self._conversation.is_read = True
        if settings.in_conversation:
            self._idle.stop()
        self._out.send_all(response.created())
        self._created += 1
        for entry in settings.context:
            if _is_speech(entry):
                self._listening.transcribe(entry)
        self.context_changed()

    def _cost_of(self, params: ResponseCreateParams, settings: ResponseSettings) -> int:
        """What a response holds beside the conversation, now counted. Raises InvalidRequest if it does not fit."""
        own = (params.instructions, params.tools, params.metadata)
        if (size := held_bytes(own)) > self._max_configuration_bytes:
            raise InvalidRequest(
                "configuration_too_large", param="response", most=self._max_configuration_bytes, got=size
            )
        if settings.own_input:
            size += sum(
                held_bytes(entry.item) + len(entry.audio)
                for entry in settings.context
                if self._conversation.get(entry.item_id) is not entry
            )
        self._account.take("responses", size, param="response")
        return size

    def answer_turn(self) -> None:
        """Start a response to the user's turn; if one is still running, as soon as it has ended."""
        if self.active is None:
            self.create(None)
        else:
            self._owed = True

    def approval_answered(self, answer: McpApprovalResponseItem) -> None:
        """The user has allowed a call, or not: a response makes it, or goes on without it."""
        asked = self._to_allow.pop(answer.approval_request_id, None)
        if asked is None:
            return  # of an earlier session, whose items the client has brought; or answered already
        if answer.approve:
            self._allowed[answer.approval_request_id] = asked
        self.answer_turn()

    def item_deleted(self, item_id: str) -> None:
        """A request whose item is gone cannot be granted any more."""
        for calls in self._unmade_calls():
            calls.pop(item_id, None)

    def context_changed(self) -> None:
        """A transcript came in: start every response that was waiting for it and no other."""
        for response in list(self._running.values()):
            if response.state is ResponseState.WAITING and not any(
                _is_speech(entry) and entry.heard is None for entry in response.settings.context
            ):
                self._begin(response)

    def cancel(self, response_id: str | None, *, reason: str) -> None:
        """Stop a response: the one named, or the active one. Raises InvalidRequest if it is not running."""
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            raise InvalidRequest("no_response_active")
        if reason == "turn_detected":
            # What the user says now is answered when the turn ends, together with the turn before.
            self._owed = False
        if response.settings.in_conversation:
            self._idle.stopped()
        self._end(response, ResponseInput.CANCELLED, reason=reason)
        self._out.command(StopResponse(response.response_id))

    # --- reports

    def add_text(self, response_id: str, delta: str) -> bool:
        """The responder said more. Returns whether still more is wanted."""
        response = self._writing(response_id)
        if response is None:
            return False
        self._out.send_all(response.add_text(delta))
        limit = min(response.settings.max_output_tokens or inf, self._conversation.max_item_bytes // _BYTES_PER_TOKEN)
        if response.text_tokens < limit:
            return True
        response.spent = True
        if not response.settings.speak:
            self._end(response, ResponseInput.TOKENS_SPENT, reason="max_output_tokens")
            self._out.command(StopResponse(response_id))
        return False

    def begin_clause(self, response_id: str, clause: str) -> None:
        """The audio that comes next speaks this part of the text."""
        response = self._at_work(response_id)
        if response is not None:
            response.begin_clause(clause)

    def add_audio(self, response_id: str, audio: bytes) -> None:
        """The synthesizer spoke more, in the response's encoding."""
        response = self._at_work(response_id)
        if response is not None:
            if response.settings.in_conversation:
                self._idle.spoken(response.settings.encoding.duration_ms(len(audio)))
            self._out.send_all(response.add_audio(audio))

    def add_call(self, response_id: str, name: str, arguments: str) -> McpCall | None:
        """The responder wants a function called: by the client, or by this server if it is returned."""
        response = self._writing(response_id)
        if response is None:
            return None
        offer = response.settings.functions.of_servers.get(name)
        if offer is not None and not offer.needs_approval:
            return self._call(response, offer, arguments)
        if offer is not None:
            request_id = self._out.new_id("item")
            self._to_allow[request_id] = (offer, arguments)
            self._out.send_all(response.add_approval_request(request_id, offer, arguments))
        else:
            self._out.send_all(response.add_call(name, arguments))
        self._called(response)
        return None

    def add_approved(self, response_id: str, request_id: str) -> McpCall | None:
        """A call that the user has allowed can be made."""
        response = self._at_work(response_id)
        if response is None or (asked := response.approved.pop(request_id, None)) is None:
            return None
        return self._call(response, *asked, approval_request_id=request_id)

    def mcp_called(self, call: McpCall, result: str | McpCallError) -> None:
        """A tool of an MCP server has answered, or failed."""
        if (response := self._at_work(call.response_id)) is not None:
            if isinstance(result, str) and not self._conversation.fits(result):
                result = McpToolExecutionError(message="what the tool returned is too long for the conversation")
            self._out.send_all(response.mcp_called(call.item_id, result))
            self._called(response)

    def _called(self, response: Response) -> None:
        """A call is made: where one at a time is wanted, the response is complete with it."""
        if not response.settings.parallel_calls:
            self._end(response, ResponseInput.FINISHED)
            self._out.command(StopResponse(response.response_id))

    def _call(
        self, response: Response, offer: McpOffer, arguments: str, *, approval_request_id: str | None = None
    ) -> McpCall:
        call = McpCall(response.response_id, self._out.new_id("item"), offer.server, offer.tool.name, arguments)
        self._out.send_all(response.add_mcp_call(call, approval_request_id=approval_request_id))
        return call

    def finish(self, response_id: str) -> None:
        """All of a response is made."""
        response = self._at_work(response_id)
        if response is None:
            return
        if response.spent:
            self._end(response, ResponseInput.TOKENS_SPENT, reason="max_output_tokens")
        else:
            self._end(response, ResponseInput.FINISHED)

    def fail(self, response_id: str, fault: str) -> None:
        """An engine failed at a response."""
        if (response := self._at_work(response_id)) is not None:
            error = ResponseStatusError(type="server_error", code="engine_failed", message=fault)
            self._end(response, ResponseInput.FAILED, error=error)

    def _at_work(self, response_id: str) -> Response | None:
        """The response, if engines were asked for it and it has not ended: other reports are stale."""
        response = self._running.get(response_id)
        return response if response is not None and response.state is ResponseState.RUNNING else None

    def _writing(self, response_id: str) -> Response | None:
        """The response, if more of it is wanted."""
        response = self._at_work(response_id)
        return None if response is None or response.spent else response

    def _begin(self, response: Response) -> None:
        """Have a response made, now that its context is known; it fails at once where it may not be."""
        settings = response.settings
        if self._allowance is not None and (wait_s := self._allowance.wait_s) > 0:
            message = f"Rate limit reached for tokens per minute. Please try again in {wait_s:.3f}s."
            error = ResponseStatusError(type="tokens", code="rate_limit_exceeded", message=message)
            self._end(response, ResponseInput.FAILED, error=error)
            return
        try:
            context = self._context_of(settings)
        except ContextTooLong as fault:
            error = ResponseStatusError(
                type="invalid_request_error", code="context_length_exceeded", message=str(fault)
            )
            self._end(response, ResponseInput.FAILED, error=error)
            return
        response.begin(context)
        if settings.in_conversation:
            response.approved, self._allowed = self._allowed, {}
        self._out.command(self._respond(response))

    def _context_of(self, settings: ResponseSettings) -> tuple[ConversationItem, ...]:
        """What a response reads. Raises ContextTooLong."""
        most_tokens = self._max_context_tokens - instruction_tokens(settings.instructions, settings.functions.tools)
        entries, truncating = settings.context, settings.truncating
        if settings.own_input:
            return self._context.of_input(entries, truncating, most_tokens=most_tokens)
        return self._context.of_conversation(
            entries, truncating, most_tokens=most_tokens, remember=settings.in_conversation
        )

    def _end(
        self,
        response: Response,
        happened: ResponseInput,
        *,
        reason: str | None = None,
        error: ResponseStatusError | None = None,
    ) -> None:
        self._out.send_all(response.end(happened, reason=reason, error=error))
        del self._running[response.response_id]
        self._account.change("responses", -response.cost_bytes)
        if not self._running:
            self._conversation.read_to_the_end()
        if happened is ResponseInput.FINISHED:  # with one call at a time; what is cancelled is not wanted any more
            self._allowed = response.approved | self._allowed
        if self._allowance is not None:
            usage = response.usage
            self._allowance.use(usage.total_tokens if usage is not None and is_set(usage.total_tokens) else 0)
            self._out.send(RateLimitsUpdatedEvent(event_id=self._out.event_id(), rate_limits=[self._allowance.wire()]))
        # After a call it is the client's turn, and after a failure the next prompt would fail as well.
        over = happened is not ResponseInput.FAILED and not response.calls
        if response.settings.in_conversation and over and not self._listening.in_turn:
            self._idle.start()
        if self._owed and self.active is None:
            self._owed = False
            self.create(None)

    def _respond(self, response: Response) -> Respond:
        settings = response.settings
        model = self._session.realtime.model
        return Respond(
            response_id=response.response_id,
            context=response.context,
            instructions=settings.instructions,
            model=model if is_set(model) else "",
            max_output_tokens=settings.max_output_tokens,
            speak=settings.speak,
            encoding=settings.encoding,
            voice=settings.voice,
            speed=settings.speed,
            turn=self._created - 1,
            tools=settings.functions.tools,
            tool_choice=settings.functions.choice,
            silent_ms=settings.silent_ms,
            approved=tuple(response.approved),
        )


def _is_speech(entry: Entry) -> bool:
    """Whether the entry is a user's speech, which a responder cannot read before it is transcribed."""
    item: ConversationItem = entry.item
    return (
        bool(entry.audio)
        and isinstance(item, MessageItem)
        and any(isinstance(part, InputAudioPart) for part in item.content)
    )
