"""Generated conversations: any command, report and delay, repeated and lost events, losses and reconnections."""

from __future__ import annotations

from typing import Any, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from duologue.audio.formats import PCM
from duologue.codec import decode
from duologue.errors import LocalProtocolError
from duologue.events import (
    ConversationItemDoneEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioTranscriptionCompletedEvent,
    InputTextPart,
    MessageItem,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    ResponseUsage,
    is_set,
)
from duologue.protocol.client.notices import IllegalTransition
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.requests import ResponseRequest, tag_of
from duologue.protocol.states import SequenceState
from tests.protocol._conversation import Talk, no_removed_item_is_kept
from tests.protocol._wire import client_event, create, respond, update, user_text

picks = st.integers(0, 50)
NEVER = ("already shorter", "Only model output audio", "speech is always part 0")
"""Error messages of the server that cannot occur if the client knows what was played."""

BUSY = "conversation_already_has_active_response"


def complete(view: list[Any]) -> list[Any]:
    """The items; unfinished ones by their ids alone, because the server fills them in when they are done."""
    return [item["id"] if item.get("status") == "in_progress" else item for item in view]


class Conversation(RuleBasedStateMachine):
    """One conversation; each rule is something that may happen at any time."""

    losing = False
    tag_requests = True

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(
            instant=False,
            options=CoreOptions(
                tag_requests=self.tag_requests,
                answer_within_s=60.0,
                keep_audio_bytes=50_000,
                checks_off=("uncommitted_audio",),  # with turn detection off, these applications ask without a turn too
            ),
        )
        self.core = self.talk.core
        self.requests: dict[str, ResponseRequest] = {}
        self.tags: dict[str, str | None] = {}
        self.old: list[str] = []
        self.seen_sent = 0
        self.active: set[str] = set()
        self.cancelled: set[str] = set()
        self.made = 0
        self.confirmed: set[str] = set()
        """Texts that the server has confirmed."""
        self.unwanted: set[str] = set()
        """Texts that it has asked to delete."""
        self.withdrawn: set[str] = set()
        """Requests that were pending when the application cancelled something."""
        self.usages: dict[str, ResponseUsage | None] = {}
        """Of each response that has ended, by its id."""
        self.transcripts: set[str] = set()
        self.races = 0
        """Creates that were rejected for another response; a request is not sent again for ever."""

    @initialize(transcribed=st.booleans(), by_hand=st.booleans(), text=st.booleans())
    def begins(self, transcribed: bool, by_hand: bool, text: bool) -> None:
        self.settle_wire()
        wanted: dict[str, Any] = {"input": {"transcription": {"model": "m"} if transcribed else None}}
        if by_hand:
            wanted["input"]["turn_detection"] = None
        self.talk.send(update(audio=wanted, **({"output_modalities": ["text"]} if text else {})))
        # One request before anything else: from its answer the client learns that this server repeats metadata.
        self.asks(policy="wait", out_of_band=False)
        self.settle_wire()
        self.finish_everything()

    # --- the application

    def withdraw(self) -> None:
        self.withdrawn |= {request.request_id for request in self.core.sequencer.pending}

    def ask(self, event: ResponseCreateEvent, policy: Literal["wait", "refuse"]) -> None:
        try:
            request = self.core.respond(event, policy=policy, now=self.talk.now)
        except LocalProtocolError:
            assert policy == "refuse" or not self.core.is_open
        else:
            self.requests[request.request_id] = request
        self.talk.flow()

    @rule(policy=st.sampled_from(["wait", "refuse"]), out_of_band=st.booleans())
    def asks(self, policy: Literal["wait", "refuse"], out_of_band: bool) -> None:
        event = respond(conversation="none") if out_of_band else respond()
        assert isinstance(event, ResponseCreateEvent)
        self.ask(event, policy)

    @rule()
    def cancels(self) -> None:
        self.withdraw()
        self.core.cancel(now=self.talk.now)
        self.talk.flow()

    @precondition(lambda self: self.core.sequencer.pending)
    @rule(pick=picks)
    def cancels_a_request(self, pick: int) -> None:
        pending = self.core.sequencer.pending
        self.withdraw()
        assert self.core.cancel(pending[pick % len(pending)].request_id, now=self.talk.now) or True
        self.talk.flow()

    @rule()
    def interrupts(self) -> None:
        self.withdraw()
        self.core.interrupt(now=self.talk.now)
        self.talk.flow()

    @precondition(lambda self: self.core.is_open)
    @rule(pick=picks, where=st.sampled_from(["end", "root", "after"]))
    def types(self, pick: int, where: str) -> None:
        items = self.core.store.items
        fields: dict[str, Any] = {"root": {"previous_item_id": "root"}}.get(where, {})
        if where == "after" and items:
            fields = {"previous_item_id": items[pick % len(items)].item_id}
        self.made += 1
        text = f"text {self.made}"
        item = user_text(text, id=f"mine_{self.made}") if pick % 2 else user_text(text)
        self.talk.send(create(item, **fields))

    @precondition(lambda self: self.core.is_open and self.core.store.items)
    @rule(pick=picks)
    def deletes(self, pick: int) -> None:
        items = self.core.store.items
        item = items[pick % len(items)]
        self.unwanted.add(item.text)
        self.talk.send(client_event("conversation.item.delete", item_id=item.item_id))

    @precondition(lambda self: self.core.is_open and self.core.store.items)
    @rule(pick=picks)
    def retrieves(self, pick: int) -> None:
        items = self.core.store.items
        self.talk.send(client_event("conversation.item.retrieve", item_id=items[pick % len(items)].item_id))

    @precondition(lambda self: self.core.is_open)
    @rule(ms=st.sampled_from([20, 200, 600]), speech=st.booleans())
    def user_speaks_or_not(self, ms: int, speech: bool) -> None:
        self.talk.speak(ms) if speech else self.talk.pause(ms)

    @precondition(lambda self: self.core.is_open)
    @rule(name=st.sampled_from(["commit", "clear"]))
    def commits_or_clears(self, name: str) -> None:
        if name == "clear" or self.core.checks.buffered_ms >= 100:
            self.talk.send(client_event(f"input_audio_buffer.{name}"))

    @precondition(lambda self: self.core.is_open)
    @rule()
    def asks_while_the_server_answers_a_turn(self) -> None:
        self.talk.deliver_to_server()
        self.user_speaks_or_not(ms=600, speech=True)
        self.user_speaks_or_not(ms=600, speech=False)
        self.talk.deliver_to_server()
        self.asks(policy="wait", out_of_band=False)
        self.talk.deliver_to_server()

    @precondition(lambda self: self.core.is_open)
    @rule(played_ms=st.sampled_from([0, 1, 90, 400, 5000]), by=st.sampled_from(["voice", "hand", "no one"]))
    def model_speaks_and_is_interrupted(self, played_ms: int, by: str) -> None:
        self.asks(policy="wait", out_of_band=False)
        self.server_receives(1000)
        for response_id in list(self.talk.responds):
            self.talk.says(response_id, "a long story")
            self.talk.plays(response_id, 500)
        self.client_receives(1000)
        self.plays(played_ms)
        if by == "voice" and self.core.is_open:
            self.user_speaks_or_not(ms=600, speech=True)
            self.server_receives(1000)
            self.client_receives(1000)
        elif by == "hand":
            self.interrupts()

    @rule(ms=st.sampled_from([1, 90, 400, 5000]))
    def plays(self, ms: int) -> None:
        self.talk.player.play(self.core, ms * 48)

    # --- the network

    @rule(count=st.integers(1, 5))
    def server_receives(self, count: int) -> None:
        self.talk.deliver_to_server(count)

    @rule(count=st.integers(1, 8))
    def client_receives(self, count: int) -> None:
        for _ in range(min(count, len(self.talk.to_client))):
            message = self.talk.to_client.pop(0)
            self.nothing_is_created_before_what_runs_is_done()  # by what the client knew when it sent it
            self.record(decode(message))
            self.old = [*self.old[-20:], message]
            self.talk.arrive(message)

    @precondition(lambda self: self.old and self.core.is_open)
    @rule(pick=picks)
    def a_message_comes_again(self, pick: int) -> None:
        self.talk.arrive(self.old[pick % len(self.old)])

    @precondition(lambda self: self.losing and self.talk.to_client)
    @rule(pick=picks)
    def a_message_is_lost(self, pick: int) -> None:
        del self.talk.to_client[pick % len(self.talk.to_client)]

    @precondition(lambda self: not self.losing)
    @rule()
    def everything_arrives(self) -> None:
        """When no message is on its way, both sides have the same conversation."""
        self.settle_wire()
        if self.core.is_open:
            assert complete(self.talk.client_view()) == complete(self.talk.server_view())

    @rule()
    def connection_breaks(self) -> None:
        self.talk.lose()
        assert self.core.sequencer.pending == ()
        self.active.clear()
        self.cancelled.clear()
        self.old.clear()

    @precondition(lambda self: not self.core.is_open)
    @rule()
    def connects_again(self) -> None:
        self.talk.connect()

    @precondition(lambda self: self.core.is_open)
    @rule(count=st.integers(1, 12))
    def connection_breaks_while_it_is_restored(self, count: int) -> None:
        self.connection_breaks()
        self.connects_again()
        self.client_receives(1)
        self.server_receives(1000)
        self.client_receives(count)
        self.connection_breaks()

    @rule(seconds=st.sampled_from([0.1, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.talk.now += seconds
        if self.talk.now >= self.core.next_tick_at:
            self.core.tick(self.talk.now)
        self.talk.flow()

    # --- the engines

    @precondition(lambda self: self.talk.responds)
    @rule(pick=picks, what=st.sampled_from(["says", "plays", "finishes", "fails"]))
    def engine_works(self, pick: int, what: str) -> None:
        response_id = list(self.talk.responds)[pick % len(self.talk.responds)]
        match what:
            case "says":
                self.talk.says(response_id, "word ")
            case "plays":
                self.talk.plays(response_id, 250)
            case "finishes":
                self.talk.finishes(response_id)
            case _:
                self.talk.server.response_failed(response_id, "broken", now=self.talk.now)
                self.talk.responds.pop(response_id, None)
                self.talk.flow()

    @precondition(lambda self: self.talk.transcribes)
    @rule(pick=picks, fails=st.booleans())
    def transcriber_works(self, pick: int, fails: bool) -> None:
        item_id = list(self.talk.transcribes)[pick % len(self.talk.transcribes)]
        if fails:
            del self.talk.transcribes[item_id]
            self.talk.server.transcription_failed(item_id, "broken", now=self.talk.now)
            self.talk.flow()
        else:
            self.talk.transcribe(item_id, "what I said")

    # --- what holds all the time

    def record(self, event: RealtimeEvent) -> None:
        """Record from the wire alone which response answers which request."""
        match event:
            case ResponseCreatedEvent(response=response):
                self.tags[str(response.id)] = tag_of(response)
                if response.conversation_id is not None:
                    self.active.add(str(response.id))
            case ResponseDoneEvent(response=response):
                self.tags.setdefault(str(response.id), tag_of(response))
                self.active.discard(str(response.id))
                self.cancelled.discard(str(response.id))
                self.usages[str(response.id)] = response.usage if is_set(response.usage) else None
            case InputAudioTranscriptionCompletedEvent():
                self.transcripts.add(event.item_id)
            case ConversationItemDoneEvent(item=MessageItem(content=[InputTextPart(text=text)])):
                self.confirmed.add(text)
            case ErrorEvent(error=error):
                assert not any(message in error.message for message in NEVER), error.message
                self.races += error.code == BUSY
            case _:
                pass

    @invariant()
    def no_transition_was_illegal(self) -> None:
        assert not [notice for notice in self.talk.notices if isinstance(notice, IllegalTransition)]

    @invariant()
    def nothing_is_created_before_what_runs_is_done(self) -> None:
        for event in self.talk.sent[self.seen_sent :]:
            match event:
                case ResponseCreateEvent(response=params) if not is_set(params) or params.conversation != "none":
                    assert self.losing or not self.active
                case ConversationItemTruncateEvent():
                    played_bytes = self.talk.player.played_bytes[event.item_id, event.content_index]
                    assert 0 < event.audio_end_ms == PCM.duration_ms(played_bytes)
                case ResponseCancelEvent():
                    assert is_set(event.response_id)
                    assert event.response_id not in self.cancelled, "cancelled twice"
                    self.cancelled.add(event.response_id)
                case _:
                    pass
        self.seen_sent = len(self.talk.sent)

    @invariant()
    def every_request_ends_once_and_with_its_own_response(self) -> None:
        ended = [resolution.request.request_id for resolution in self.talk.resolutions]
        assert len(ended) == len(set(ended))
        pending = {request.request_id for request in self.core.sequencer.pending}
        assert pending | set(ended) == set(self.requests)
        assert not pending & set(ended)
        for resolution in self.talk.resolutions:
            if resolution.done is not None and self.tag_requests:
                assert self.tags[str(resolution.done.response.id)] == resolution.request.request_id
            assert (resolution.done is None) == bool(resolution.reason)
            if resolution.error is not None and resolution.request.policy == "wait":
                lost_the_race = resolution.error.error.code == BUSY
                assert not lost_the_race or resolution.request.request_id in self.withdrawn or self.races >= 10

    @invariant()
    def the_usage_is_the_sum_of_what_the_server_sent(self) -> None:
        sent = [usage for usage in self.usages.values() if usage is not None]
        usage = self.core.usage.snapshot()
        assert usage.input.total_tokens == sum(each.input_tokens or 0 for each in sent)
        assert usage.output.total_tokens == sum(each.output_tokens or 0 for each in sent)
        assert sum(count for _, count in usage.responses) == len(self.usages)
        assert usage.transcription.transcripts == len(self.transcripts)

    @invariant()
    def nothing_is_kept_of_removed_items(self) -> None:
        no_removed_item_is_kept(self.core.store)

    # --- the end

    def settle_wire(self) -> None:
        for _ in range(100):
            if not (self.talk.to_server or self.talk.to_client):
                return
            self.server_receives(1000)
            self.client_receives(1000)
        raise AssertionError("the two sides never stop sending")

    def finish_everything(self) -> None:
        for _ in range(100):
            for item_id in list(self.talk.transcribes):
                self.talk.transcribe(item_id, "at last")
            for response_id in list(self.talk.responds):
                self.talk.finishes(response_id)
            self.settle_wire()
            if not (self.talk.responds or self.talk.transcribes or self.core.sequencer.pending):
                return
            if self.losing:
                self.withdraw()
                self.core.cancel(now=self.talk.now)
                for request in self.core.sequencer.pending:  # those out of band too
                    self.core.cancel(request.request_id, now=self.talk.now)
                self.settle_wire()
                self.talk.now += 31.0
                self.core.tick(self.talk.now)
                self.talk.flow()
        raise AssertionError(f"requests never end: {self.core.sequencer.pending}")

    def teardown(self) -> None:
        """When both sides have finished, they have the same conversation."""
        if not self.core.is_open:
            self.connects_again()
        self.finish_everything()
        self.every_request_ends_once_and_with_its_own_response()
        if not self.losing:
            assert self.core.sequencer.state is SequenceState.IDLE
            assert self.talk.client_view() == self.talk.server_view()
            assert not self.core.session_replay.restoring
            audio, requests = self.core.output_audio, self.core.sequencer._requests
            silence, store = self.core.silence, self.core.store
            kept = (audio._open, silence._watched, silence._of_item, requests.cancels, store._detached)
            assert [*map(len, kept)] == [0] * 5
            assert self.confirmed - self.unwanted <= {stored.text for stored in self.core.store.items}


class LossyConversation(Conversation):
    """The same over a connection that loses single messages of the server: every request still ends."""

    losing = True


class UntaggedConversation(Conversation):
    """The same without a tag in the requests' metadata."""

    tag_requests = False


_SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
for _machine in (Conversation, LossyConversation, UntaggedConversation):
    _machine.TestCase.settings = _SETTINGS
TestEveryConversationIsTheServersOwn = Conversation.TestCase
TestWhatIsLostEndsAllTheSame = LossyConversation.TestCase
TestRequestsWithoutATagEndToo = UntaggedConversation.TestCase
