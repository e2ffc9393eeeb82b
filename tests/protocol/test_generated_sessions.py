"""Generated sessions: any client event, legal or not, and any report of the engines, in any order."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duologue.events import (
    UNSET,
    ErrorEvent,
    McpApprovalRequestItem,
    McpCallError,
    McpToolExecutionError,
    RealtimeEvent,
)
from duologue.events.base import encode_audio
from duologue.protocol import (
    ListMcpTools,
    McpCall,
    Respond,
    SessionDefaults,
    SessionKind,
    StopResponse,
    Transcribe,
    TranscribeAhead,
    TranscribePartial,
)
from duologue.protocol.server.account import held_bytes
from duologue.protocol.states import RESPONSE_ENDS
from duologue.testing import Pair
from tests.protocol._mcp import DOCS, READ, SEARCH, mcp
from tests.protocol._order import OrderedStream
from tests.protocol._wire import client_event, create, respond, update, user_text

STEP_BYTES = 64 * 1024

numbers = st.integers(0, 5)
item_ids = numbers.map("item_{}".format) | st.sampled_from(["mine", "root", ""])
response_ids = numbers.map("resp_{}".format)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
vad = (
    st.none()
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["server_vad", "semantic_vad"])},
        optional={"create_response": st.booleans(), "interrupt_response": st.booleans()},
    )
    | st.fixed_dictionaries({"type": st.just("server_vad"), "idle_timeout_ms": st.sampled_from([None, 5000, 30_000])})
)
audio_formats = st.sampled_from([{"type": "audio/pcm", "rate": 24_000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}])
inputs = st.fixed_dictionaries(
    {},
    optional={
        "turn_detection": vad,
        "transcription": st.none() | st.just({"model": "m"}),
        "format": audio_formats,
        "gain": st.integers(),
    },
)
tools = st.lists(
    st.sampled_from(
        [
            {"type": "function", "name": "f"},
            {"type": "function"},
            {"type": "mcp", "server_label": "m", "server_url": "u", "require_approval": "never"},
            {"type": "mcp", "server_label": "m", "server_url": "u"},
        ]
    ),
    max_size=2,
)
tool_choices = st.sampled_from(["auto", "none", "required", {"type": "function", "name": "f"}])
truncations = st.sampled_from(
    ["auto", "disabled", {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 3}}]
)
sessions = st.fixed_dictionaries(
    {},
    optional={
        "tools": tools,
        "tool_choice": tool_choices,
        "parallel_tool_calls": st.booleans(),
        "truncation": truncations,
        "output_modalities": st.sampled_from([["audio"], ["text"], ["audio", "text"]]),
        "max_output_tokens": st.sampled_from([1, 3, "inf", 0]),
        "audio": st.fixed_dictionaries(
            {}, optional={"input": inputs, "output": st.fixed_dictionaries({"format": audio_formats})}
        ),
    },
)
parts = st.sampled_from(
    [
        {"type": "input_text", "text": "hi"},
        {"type": "input_audio", "audio": encode_audio(bytes(481))},
        {"type": "input_audio", "audio": "?"},
        {"type": "output_text", "text": "ho"},
        {"type": "output_audio", "transcript": "ho"},
        {"type": "smell"},
    ]
)
items = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "role": st.sampled_from(["user", "assistant", "system", "robot"]),
        "content": st.lists(parts, max_size=2),
    },
    optional={"id": st.sampled_from(["mine", "root", ""])},
)
responses = st.fixed_dictionaries(
    {},
    optional={
        "tools": tools,
        "tool_choice": tool_choices,
        "conversation": st.sampled_from(["none", "auto"]),
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "max_output_tokens": st.sampled_from([1, 2, "inf"]),
        "metadata": st.just({"k": "v"}),
        "input": st.lists(items | item_ids.map(lambda i: {"type": "item_reference", "id": i}), max_size=2),
    },
)
names = st.sampled_from(["session.update", "input_audio_buffer.append", "conversation.item.create", "response.create"])


class Session(RuleBasedStateMachine):
    """One session; each rule is something that a client, an engine or the clock may do at any time."""

    defaults = SessionDefaults(duration_s=3600, max_context_tokens=40)
    kind: SessionKind = "realtime"

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.defaults, kind=self.kind)
        self.charged: Counter[str] = Counter()
        self.pair.server._account._charge = self._charge
        self.stream = OrderedStream()
        self.seen(self.pair.connect())

    def _charge(self, kind: str, n_bytes: int, forced: bool) -> None:
        self.charged[kind] += n_bytes

    def seen(self, events: list[RealtimeEvent]) -> None:
        for event in events:
            self.stream.see(event)
        self.stream.at_rest()

    def sent(self, event: RealtimeEvent) -> None:
        """A client event is carried out, or rejected with exactly one error that names it, and nothing else."""
        event_id = f"client_{len(self.pair.received)}"
        events = self.pair.send_raw(json.dumps({**event.to_json(), "event_id": event_id}))
        errors = [error for error in events if isinstance(error, ErrorEvent)]
        if errors:
            assert len(events) == 1
            assert errors[0].error.event_id == event_id
        self.seen(events)

    # --- the client

    @rule(session=sessions)
    def client_updates(self, session: dict[str, Any]) -> None:
        self.sent(update(**session))

    @rule(n_bytes=st.sampled_from([0, 1, 799, 4800, 4801, 48_000]))
    def client_appends(self, n_bytes: int) -> None:
        assert self.pair.send(client_event("input_audio_buffer.append", audio=encode_audio(bytes(n_bytes)))) == []

    @rule(ms=st.sampled_from([20, 100, 400, 1000]), speech=st.booleans())
    def user_speaks_or_not(self, ms: int, speech: bool) -> None:
        self.seen(self.pair.speak(ms) if speech else self.pair.pause(ms))

    @rule(name=st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear", "response.cancel"]))
    def client_commits_clears_or_cancels(self, name: str) -> None:
        self.sent(client_event(name))

    @rule(text=st.text(max_size=5), after=st.none() | item_ids)
    def client_types(self, text: str, after: str | None) -> None:
        self.sent(create(user_text(text), previous_item_id=after))

    @rule(item=items, after=st.none() | item_ids)
    def client_makes_any_item(self, item: dict[str, Any], after: str | None) -> None:
        self.sent(create(item, previous_item_id=after))

    @rule()
    def client_takes_the_id_of_the_turn_under_way(self) -> None:
        if self.stream.turn is not None:
            self.sent(create(user_text("mine now", id=self.stream.turn)))

    @rule(item_id=item_ids, name=st.sampled_from(["retrieve", "delete"]))
    def client_asks_for_an_item(self, item_id: str, name: str) -> None:
        self.sent(client_event(f"conversation.item.{name}", item_id=item_id))

    @rule(item_id=item_ids, ms=st.integers(-10, 300))
    def client_truncates(self, item_id: str, ms: int) -> None:
        self.sent(client_event("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms))

    @rule(response=responses)
    def client_asks_for_a_response(self, response: dict[str, Any]) -> None:
        self.sent(respond(**response))

    @rule(response_id=response_ids)
    def client_cancels(self, response_id: str) -> None:
        self.sent(client_event("response.cancel", response_id=response_id))

    @rule(
        name=names, fields=st.dictionaries(st.sampled_from(["session", "audio", "item", "response", "x"]), json_values)
    )
    def client_sends_nonsense(self, name: str, fields: dict[str, Any]) -> None:
        self.seen(self.pair.send_raw(json.dumps({**fields, "type": name})))

    @rule(message=st.text(max_size=20) | st.binary(max_size=20))
    def client_sends_noise(self, message: str | bytes) -> None:
        self.seen(self.pair.send_raw(message))

    # --- the engines, on time or late

    @rule(response_id=response_ids, text=st.text(max_size=12))
    def responder_says(self, response_id: str, text: str) -> None:
        self.seen(self.pair.responds(text, response_id=response_id))

    @rule(response_id=response_ids, n_bytes=st.sampled_from([0, 2, 4800, 30_000]))
    def synthesizer_plays(self, response_id: str, n_bytes: int) -> None:
        self.seen(self.pair.synthesizes(bytes(n_bytes), response_id=response_id))

    @rule(response_id=response_ids, clause=st.text(max_size=6), n_bytes=st.sampled_from([2, 4800]))
    def synthesizer_begins_a_clause(self, response_id: str, clause: str, n_bytes: int) -> None:
        self.seen(self.pair.synthesizes(bytes(n_bytes), clause=clause, response_id=response_id))

    @rule(response_id=response_ids)
    def responder_calls(self, response_id: str) -> None:
        self.seen(self.pair.calls("f", '{"a": 1}', response_id=response_id))

    @rule(asks=st.booleans())
    def responder_calls_a_tool_of_an_mcp_server(self, asks: bool) -> None:
        if asks and not self.stream.responses:
            self.sent(respond())
        if not any(isinstance(command, McpCall) for command in self.pair.commands):
            for response_id in list(self.stream.responses)[-1:]:
                self.seen(self.pair.calls("search", '{"a": 1}', response_id=response_id))

    @rule(result=st.sampled_from(["a page", McpToolExecutionError(message="broken")]))
    def a_tool_answers_or_fails_perhaps_too_late(self, result: str | McpCallError) -> None:
        if any(isinstance(command, McpCall) for command in self.pair.commands):
            self.seen(self.pair.returns(result))

    @rule(fails=st.booleans())
    def an_mcp_server_lists_its_tools_or_fails(self, fails: bool) -> None:
        if any(isinstance(command, ListMcpTools) for command in self.pair.commands):
            self.seen(self.pair.listing_fails() if fails else self.pair.lists(SEARCH))

    @rule(number=st.integers(0, 40), approve=st.booleans(), at_once=st.booleans())
    def client_approves_a_call_or_not(self, number: int, approve: bool, at_once: bool) -> None:
        asked = [
            item.item_id for item in self.pair.server.conversation if isinstance(item.item, McpApprovalRequestItem)
        ]
        request_id = asked[number % len(asked)] if asked else "item_unknown"
        item = {"type": "mcp_approval_response", "id": f"answer_{number}", "approval_request_id": request_id}
        self.sent(create({**item, "approve": approve}))
        if at_once:
            self.approved_calls_are_made()

    @rule()
    def approved_calls_are_made(self) -> None:
        approved = [command for command in self.pair.commands if isinstance(command, Respond) and command.approved]
        if approved and not any(isinstance(command, McpCall) for command in self.pair.commands):
            for request_id in approved[0].approved:
                self.seen(self.pair.makes_approved_call(request_id, response_id=approved[0].response_id))
                if any(isinstance(command, McpCall) for command in self.pair.commands):
                    self.seen(self.pair.returns("a page"))

    @rule(call_id=numbers.map("call_{}".format))
    def client_sends_the_output_of_a_call(self, call_id: str) -> None:
        self.sent(create({"type": "function_call_output", "call_id": call_id, "output": "42"}))

    @rule(response_id=response_ids, fails=st.booleans())
    def response_ends(self, response_id: str, fails: bool) -> None:
        end = (
            self.pair.fails("broken", response_id=response_id) if fails else self.pair.finishes(response_id=response_id)
        )
        self.seen(end)

    @rule(transcript=st.text(max_size=10), fails=st.booleans())
    def transcriber_does_what_it_was_asked(self, transcript: str, fails: bool) -> None:
        if any(isinstance(command, Transcribe) for command in self.pair.commands):
            self.seen(self.pair.transcription_fails("broken") if fails else self.pair.transcribes(transcript))

    @rule(text=st.sampled_from(["one", "one two", "one two three", "two"]))
    def transcriber_reports_part_of_a_turn(self, text: str) -> None:
        for command in self.pair.commands:
            if isinstance(command, TranscribePartial):
                self.seen(self.pair.transcribes_partially(text, item_id=command.item_id))

    @rule(completeness=st.sampled_from([0.0, 0.5, 1.0]))
    def a_pause_is_rated(self, completeness: float) -> None:
        if any(isinstance(command, TranscribeAhead) for command in self.pair.commands):
            self.seen(self.pair.estimates_end_of_turn(completeness))

    @rule(item_id=item_ids)
    def transcriber_reports_what_was_not_asked_for(self, item_id: str) -> None:
        asked = {command.item_id for command in self.pair.commands if isinstance(command, Transcribe)}
        if item_id not in asked:
            assert self.pair.transcribes("what?", item_id=item_id) == []

    @rule()
    def responder_does_what_it_was_asked_last(self) -> None:
        if any(isinstance(command, Respond) for command in self.pair.commands):
            command = self.pair.take(Respond)
            self.seen(self.pair.responds("well", response_id=command.response_id))
            self.seen(self.pair.finishes(response_id=command.response_id))

    @rule(seconds=st.sampled_from([0.1, 5.0, 31.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.seen(self.pair.advance(seconds))

    # --- what holds all the time

    @invariant()
    def the_chain_is_the_conversation(self) -> None:
        items = {entry.item_id: entry.item for entry in self.pair.server.conversation}
        assert self.stream.order == list(items)
        statuses = {item_id: getattr(item, "status", None) for item_id, item in items.items()}
        assert {statuses[item_id] for item_id, done in self.stream.added.items() if not done} <= {None, "in_progress"}
        assert {statuses[item_id] for item_id, done in self.stream.added.items() if done} <= {
            None, UNSET, "completed", "incomplete",
        }  # fmt: skip

    @invariant()
    def a_response_that_has_ended_has_sent_its_done(self) -> None:
        running = self.pair.server._responses._running
        assert set(running) == set(self.stream.responses)
        assert all(response.state not in RESPONSE_ENDS for response in running.values())

    @invariant()
    def work_is_stopped_for_responses_that_have_ended_and_no_others(self) -> None:
        stopped = {command.response_id for command in self.pair.commands if isinstance(command, StopResponse)}
        assert stopped <= self.stream.ended

    @invariant()
    def what_is_counted_is_what_is_held(self) -> None:
        server, account = self.pair.server, self.pair.server._account
        entries, transcribing = list(server.conversation), server._input._transcribing
        running = server._responses._running
        item_bytes = sum(entry.cost_bytes for entry in entries)
        audio_bytes = sum(len(entry.audio) for entry in entries)
        counted = {
            "items": item_bytes,
            "audio": audio_bytes + sum(entry.transcribing_bytes for entry in transcribing.values()),
            "configuration": server.session._cost_bytes,
            "responses": sum(each.cost_bytes for each in running.values()) + server.conversation._removed_bytes,
        }
        assert {kind: server.held[kind] for kind in counted} == counted
        assert (server.conversation._item_bytes, server.conversation._audio_bytes) == (item_bytes, audio_bytes)
        for entry in entries:
            # Other texts than ASCII take more once they have been encoded.
            if self.stream.added[entry.item_id] and msgspec.json.encode(entry.item).isascii():
                assert entry.cost_bytes == held_bytes(entry.item)
        assert server.conversation.being_read == bool(running)
        assert running or not server.conversation._removed_bytes
        assert sum(server.held.values()) == account._total_bytes
        assert self.charged == server.held

    @invariant()
    def the_input_is_counted_in_steps(self) -> None:
        buffer, counted_bytes = self.pair.server._input._audio, self.pair.server.held["input"]
        assert counted_bytes % STEP_BYTES == 0
        assert 0 <= counted_bytes - sum(map(len, buffer._pieces)) < 3 * STEP_BYTES

    @invariant()
    def pieces_are_kept_only_of_transcripts_that_will_follow(self) -> None:
        turns = self.pair.server._input
        assert turns._transcripts.keys() <= {*turns._transcribing, turns._turn_item_id}

    def teardown(self) -> None:
        """Every response can be brought to its end, and every item is done."""
        for _ in range(3):  # one that answers a turn is created when the active one ends
            while any(isinstance(command, Transcribe) for command in self.pair.commands):
                self.seen(self.pair.transcribes("at last"))
            while any(isinstance(command, ListMcpTools) for command in self.pair.commands):
                self.seen(self.pair.listing_fails())
            for response_id in list(self.stream.responses):
                self.seen(self.pair.finishes(response_id=response_id))
        assert self.stream.responses == {}
        assert all(self.stream.added.values())
        for item_id in list(self.stream.order):
            self.sent(client_event("conversation.item.delete", item_id=item_id))
        held = self.pair.server.held
        assert (held["items"], held["audio"], held["responses"]) == (0, 0, 0)


class LenientSession(Session):
    """Takes more, counts tokens, and keeps little audio."""

    defaults = SessionDefaults(lenient=True, tokens_per_minute=30, max_audio_bytes=5_000, max_items=12)


class McpSession(Session):
    """Has the tools of two MCP servers; the tools of one need approval."""

    defaults = SessionDefaults(duration_s=3600)

    def __init__(self) -> None:
        super().__init__()
        self.seen(self.pair.send(update(tools=[DOCS, mcp(server_label="other", require_approval="always")])))
        self.seen(self.pair.lists(SEARCH))
        self.seen(self.pair.lists(READ))

    @rule(ends=st.booleans())
    def responder_calls_what_needs_approval(self, ends: bool) -> None:
        for response_id in list(self.stream.responses)[-1:]:
            self.seen(self.pair.calls("read", "{}", response_id=response_id))
            if ends:
                self.seen(self.pair.finishes(response_id=response_id))


class TranscriptionSession(Session):
    """Never responds."""

    kind = "transcription"

    @invariant()
    def no_response_is_asked_for(self) -> None:
        assert not [command for command in self.pair.commands if isinstance(command, Respond)]
        assert self.stream.ended == set()


def _budget(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


Session.TestCase.settings = _budget(60)
McpSession.TestCase.settings = _budget(40)
LenientSession.TestCase.settings = _budget(40)
TranscriptionSession.TestCase.settings = _budget(20)
TestEverySessionKeepsTheRules = Session.TestCase
TestEverySessionWithMcpServersKeepsTheRules = McpSession.TestCase
TestEveryLenientSessionKeepsTheRules = LenientSession.TestCase
TestEveryTranscriptionSessionKeepsTheRules = TranscriptionSession.TestCase
