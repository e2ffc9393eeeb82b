"""The response scheduler: which responses exist, and when each runs.

One response at a time writes to the conversation; others run out of band at the same time.
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
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.commands import McpCall, Respond, StopResponse
from duologue.protocol.server.conversation.context_window import Context, ContextTooLong, ContextWindow
from duologue.protocol.server.conversation.items import ConversationItems, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.protocol.server.input.pipeline import InputPipeline
from duologue.protocol.server.mcp_servers import McpOffer, McpServers
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.responses.forced import ForcedMessage, Queued, WaitingResponses
from duologue.protocol.server.responses.response import Response
from duologue.protocol.server.responses.settings import ResponseSettings, settings_of
from duologue.protocol.server.session import Session
from duologue.protocol.server.token_budget import TokenBudget
from duologue.protocol.server.token_usage import instruction_tokens
from duologue.protocol.states import ResponseInput, ResponseState

__all__ = ["ResponseScheduler"]

_BYTES_PER_TOKEN: Final = 32
"""Of text in memory: four characters, eight bytes each."""


class ResponseScheduler:
    """Creates, runs, cancels and ends responses."""

    def __init__(
        self,
        session: Session,
        conversation: ConversationItems,
        input_pipeline: InputPipeline,
        outgoing: Outgoing,
        *,
        idle: IdleTimer,
        token_budget: TokenBudget | None,
        max_context_tokens: int,
        max_responses: int,
        max_items: int,
        max_configuration_bytes: int,
        account: MemoryAccount,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._input = input_pipeline
        self._out = outgoing
        self._idle = idle
        self._token_budget = token_budget
        self._max_context_tokens = max_context_tokens
        self._max_responses = max_responses
        self._max_configuration_bytes = max_configuration_bytes
        self._account = account
        self._context = ContextWindow()
        self.mcp: McpServers = McpServers(conversation, outgoing, max_items=max_items)
        self._awaiting_approval: dict[str, tuple[McpOffer, str]] = {}
        """Calls that the user was asked to approve, and their arguments, by the id of the approval request."""
        self._approved: dict[str, tuple[McpOffer, str]] = {}
        """Approved calls that the next response makes."""
        self._running: dict[str, Response] = {}
        self._turn_unanswered = False
        """Whether a turn ended while a response was running: the next response answers it."""
        self._waiting = WaitingResponses(account)
        self._created = 0

    @property
    def active(self) -> Response | None:
        """The running response that writes to the conversation."""
        return next((response for response in self._running.values() if response.settings.in_conversation), None)

    @property
    def interruptible(self) -> bool:
        """Whether a response runs that the user's speech stops."""
        active = self.active
        message = active.settings.message if active is not None else None
        return active is not None and (message is None or message.interruptible)

    def session_updated(self) -> None:
        """Apply a change of the tools. Calls at MCP servers that are gone are dropped."""
        gone = self.mcp.session_updated(self._session.realtime.tools)
        for calls in self._unmade_calls() if gone else ():
            for request_id in [name for name, (offer, _) in calls.items() if offer.server in gone]:
                del calls[request_id]

    def _unmade_calls(self) -> list[dict[str, tuple[McpOffer, str]]]:
        """Calls that await approval, or are approved and not made yet."""
        return [self._awaiting_approval, self._approved, *(response.approved for response in self._running.values())]

    def speak(self, message: ForcedMessage) -> None:
        """Have this spoken word for word, behind what is being said. Raises InvalidRequest."""
        params = ResponseCreateParams(input=[])  # it answers nothing
        if self.active is None:
            self.create(params, message=message)
        else:
            self._waiting.add(Queued(params, message))

    def create(
        self,
        params: ResponseCreateParams | None,
        *,
        silent_ms: int | None = None,
        message: ForcedMessage | None = None,
    ) -> None:
        """Start a response that the client asked for. Raises InvalidRequest.

        Behind a forced message, which the client did not ask for by `response.create`, it starts when that is spoken.
        """
        params = params or ResponseCreateParams()
        self.mcp.check(params.tools, "response")
        # Before the settings, for which the whole conversation is read.
        if (in_conversation := params.conversation != "none") and (active := self.active) is not None:
            if active.settings.message is not None:
                self._waiting.add(Queued(params, None))
                return
            raise InvalidRequest("response_active", response_id=active.response_id)
        if len(self._running) >= self._max_responses and not in_conversation:
            raise InvalidRequest("too_many_responses", max=self._max_responses)
        settings = settings_of(
            params,
            self._session,
            self._conversation,
            self._out,
            listed=self.mcp.offered,
            silent_ms=silent_ms,
            message=message,
        )
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
        self._conversation.being_read = True
        if settings.in_conversation:
            self._idle.stop()
        self._out.send_all(response.created())
        self._created += 1
        for entry in settings.context:
            if entry.transcript is None and _is_speech(entry):
                self._input.transcribe(entry)
        self.context_changed()

    def _cost_of(self, params: ResponseCreateParams, settings: ResponseSettings) -> int:
        """Count the memory of a response apart from the conversation. Raises InvalidRequest if it does not fit."""
        own = (params.instructions, params.tools, params.metadata)
        if (size := held_bytes(own)) > self._max_configuration_bytes:
            raise InvalidRequest(
                "configuration_too_large", param="response", max=self._max_configuration_bytes, got=size
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
        """Start a response to the user's turn, now or when the active response has ended."""
        if self.active is None:
            self.begin_unasked()
        else:
            self._turn_unanswered = True

    def begin_unasked(
        self,
        params: ResponseCreateParams | None = None,
        *,
        silent_ms: int | None = None,
        message: ForcedMessage | None = None,
    ) -> None:
        """Start a response that no event of the client waits for; if it is not possible, an `error` says why.

        The user's turn ended, the user was silent, or it is the next of those that wait. The session's memory may be
        used up then, or what the response refers to may have gone.
        """
        try:
            self.create(params, silent_ms=silent_ms, message=message)
        except InvalidRequest as invalid:
            self._out.send(invalid.event(self._out.event_id(), answers=None))

    def approval_answered(self, answer: McpApprovalResponseItem) -> None:
        """The user has approved or rejected a call: the next response makes it, or goes on without it."""
        asked = self._awaiting_approval.pop(answer.approval_request_id, None)
        if asked is None:
            return  # from an earlier session whose items the client has restored, or answered already
        if answer.approve:
            self._approved[answer.approval_request_id] = asked
        self.answer_turn()

    def item_deleted(self, item_id: str) -> None:
        """An approval request whose item is deleted cannot be granted any more."""
        for calls in self._unmade_calls():
            calls.pop(item_id, None)

    def context_changed(self) -> None:
        """A transcript is complete: start each response that waited for no other."""
        for response in list(self._running.values()):
            if response.state is ResponseState.WAITING and not any(
                entry.transcript is None and _is_speech(entry) for entry in response.settings.context
            ):
                self._begin(response)

    def cancel(self, response_id: str | None, *, reason: str) -> None:
        """Stop a response, by default the active one.

        Raises InvalidRequest if it is not running (rule `response.cancel.idle`).
        """
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            raise InvalidRequest("no_response_active")
        if reason == "turn_detected":
            # The response to the turn that starts now answers the turn before as well.
            self._turn_unanswered = False
        if response.settings.in_conversation:
            self._waiting.clear()
            self._idle.stopped()
        self._end(response, ResponseInput.CANCELLED, reason=reason)
        self._out.command(StopResponse(response.response_id))

    # --- reports

    def add_text(self, response_id: str, delta: str) -> bool:
        """Add text. Returns False once the token limit is reached."""
        response = self._writable_response(response_id)
        if response is None:
            return False
        self._out.send_all(response.add_text(delta))
        limit = min(response.settings.max_output_tokens or inf, self._conversation.max_item_bytes // _BYTES_PER_TOKEN)
        if response.text_tokens < limit:
            return True
        response.token_limit_reached = True
        if not response.settings.speak:
            self._end(response, ResponseInput.TOKENS_SPENT, reason="max_output_tokens")
            self._out.command(StopResponse(response_id))
        return False

    def begin_clause(self, response_id: str, clause: str) -> None:
        """The audio that follows speaks this part of the text."""
        response = self._running_response(response_id)
        if response is not None:
            response.begin_clause(clause)

    def add_audio(self, response_id: str, audio: bytes) -> None:
        """Add speech, in the response's encoding."""
        response = self._running_response(response_id)
        if response is not None:
            if response.settings.in_conversation:
                self._idle.spoken(response.settings.encoding.duration_ms(len(audio)))
            self._out.send_all(response.add_audio(audio))

    def add_call(self, response_id: str, name: str, arguments: str) -> McpCall | None:
        """Add a call. Returns it if the shell must make it; else the client makes it, or approves it first."""
        response = self._writable_response(response_id)
        if response is None:
            return None
        offer = response.settings.functions.of_servers.get(name)
        if offer is not None and not offer.needs_approval:
            return self._call(response, offer, arguments)
        if offer is not None:
            request_id = self._out.new_id("item")
            self._awaiting_approval[request_id] = (offer, arguments)
            self._out.send_all(response.add_approval_request(request_id, offer, arguments))
        else:
            self._out.send_all(response.add_call(name, arguments))
        self._call_made(response)
        return None

    def add_approved(self, response_id: str, request_id: str) -> McpCall | None:
        """Start an approved call; None if it is stale."""
        response = self._running_response(response_id)
        if response is None or (asked := response.approved.pop(request_id, None)) is None:
            return None
        return self._call(response, *asked, approval_request_id=request_id)

    def mcp_called(self, call: McpCall, result: str | McpCallError) -> None:
        """An MCP tool has answered, or failed."""
        if (response := self._running_response(call.response_id)) is not None:
            if isinstance(result, str) and not self._conversation.fits(result):
                result = McpToolExecutionError(message="the tool's output is too long for the conversation")
            self._out.send_all(response.mcp_called(call.item_id, result))
            self._call_made(response)

    def _call_made(self, response: Response) -> None:
        """A call is complete: without `parallel_tool_calls` it is the last of its response."""
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
        """The engines have completed a response."""
        response = self._running_response(response_id)
        if response is None:
            return
        if response.token_limit_reached:
            self._end(response, ResponseInput.TOKENS_SPENT, reason="max_output_tokens")
        else:
            self._end(response, ResponseInput.FINISHED)

    def fail(self, response_id: str, fault: str) -> None:
        """An engine failed, and the response with it."""
        if (response := self._running_response(response_id)) is not None:
            error = ResponseStatusError(type="server_error", code="engine_failed", message=fault)
            self._end(response, ResponseInput.FAILED, error=error)

    def _running_response(self, response_id: str) -> Response | None:
        """The response, if it runs; None if the report is stale."""
        response = self._running.get(response_id)
        return response if response is not None and response.state is ResponseState.RUNNING else None

    def _writable_response(self, response_id: str) -> Response | None:
        """The response, if it runs and its token limit is not reached."""
        response = self._running_response(response_id)
        return None if response is None or response.token_limit_reached else response

    def _begin(self, response: Response) -> None:
        """Run a response whose context is complete. It fails at once if a token limit is exceeded."""
        settings = response.settings
        if self._token_budget is not None and (wait_s := self._token_budget.wait_s) > 0:
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
            response.approved, self._approved = self._approved, {}
        self._out.command(self._respond(response))

    def _context_of(self, settings: ResponseSettings) -> Context:
        """What a response reads. Raises ContextTooLong."""
        max_tokens = self._max_context_tokens - instruction_tokens(settings.instructions, settings.functions.tools)
        entries, truncation = settings.context, settings.truncation
        if settings.own_input:
            return self._context.of_input(entries, truncation, max_tokens=max_tokens)
        return self._context.of_conversation(
            entries, truncation, max_tokens=max_tokens, remember=settings.in_conversation
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
            self._conversation.responses_ended()
        if happened is ResponseInput.FINISHED:  # the calls of a cancelled response are dropped
            self._approved = response.approved | self._approved
        if self._token_budget is not None:
            usage = response.usage
            self._token_budget.use(usage.total_tokens if usage is not None and is_set(usage.total_tokens) else 0)
            self._out.send(
                RateLimitsUpdatedEvent(event_id=self._out.event_id(), rate_limits=[self._token_budget.rate_limit()])
            )
        # After a call the client acts next, and after a failure a prompt would fail as well.
        over = happened is not ResponseInput.FAILED and not response.calls
        if response.settings.in_conversation and over and not self._input.in_turn:
            self._idle.start()
        if self._turn_unanswered and self.active is None:
            self._turn_unanswered = False
            self.begin_unasked()
        while self.active is None and (queued := self._waiting.take()) is not None:
            self.begin_unasked(queued.params, message=queued.message)

    def _respond(self, response: Response) -> Respond:
        settings = response.settings
        model = self._session.realtime.model
        return Respond(
            response_id=response.response_id,
            context=response.context.items,
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
            text=settings.message.text if settings.message is not None else None,
            approved=tuple(response.approved),
        )


def _is_speech(entry: Entry) -> bool:
    """Whether the entry is a user's speech, which must be transcribed before a responder can read it."""
    item: ConversationItem = entry.item
    return (
        entry.spoken is None  # the model's
        and bool(entry.audio)
        and isinstance(item, MessageItem)
        and any(isinstance(part, InputAudioPart) for part in item.content)
    )
