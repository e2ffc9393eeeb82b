"""The model calls functions: answers in order, and one request to go on."""

from __future__ import annotations

import pytest

from duologue.events import ConversationItemCreateEvent, FunctionCallOutputItem
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.notices import CallsAnswered, RequestEnded, ResponseStarted, RunTool, StopTool
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.requests import REQUEST_TAG
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import CountedIds
from tests.protocol._conversation import calling, clock, kinds, receive
from tests.protocol._wire import respond


def sent_types(core: ConversationCore) -> list[str | None]:
    return [event.type for event in core.take_events()]


def test_pain_01_answers_of_all_calls_go_out_in_order_before_one_create() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    notices = calling(core, ("c1", '{"zone":"CET"}'), ("c2", "oops"), ("c3", '{"zone":"UTC"}'))
    runs = [notice.call for notice in notices if isinstance(notice, RunTool)]
    assert [run.call_id for run in runs] == ["c1", "c3"]
    core.tool_answered("c3", runs[1].bound(), now=0.0)
    assert sent_types(core) == []
    core.tool_answered("c1", runs[0].bound(), now=0.0)
    events = core.take_events()
    assert [event.type for event in events] == ["conversation.item.create"] * 3 + ["response.create"]
    items = [event.item for event in events if isinstance(event, ConversationItemCreateEvent)]
    outputs = [item.output for item in items if isinstance(item, FunctionCallOutputItem)]
    assert outputs[0] == "noon in CET"
    assert "not a JSON object" in outputs[1]
    assert outputs[2] == "noon in UTC"


def test_pain_01_a_follow_up_waits_for_the_active_response_and_one_is_enough_for_two() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    calling(core, ("c1", '{"zone":"CET"}'), response_id="r1")
    calling(core, ("c2", '{"zone":"CET"}'), response_id="r2")
    receive(core, "response.created", response={"id": "vad", "conversation_id": "c"})
    core.tool_answered("c1", "1", now=0.0)
    core.tool_failed("c2", "broken", now=0.0)
    assert sent_types(core) == ["conversation.item.create"] * 2
    receive(core, "response.done", response={"id": "vad", "conversation_id": "c", "status": "completed"})
    assert sent_types(core) == ["response.create"]


def test_pain_01_a_request_that_waits_already_is_the_follow_up() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    receive(core, "response.created", response={"id": "r", "conversation_id": "c"})
    core.respond(now=0.0)
    calling(core, ("c1", "oops"))
    assert sent_types(core) == ["conversation.item.create", "response.create"]
    receive(core, "response.created", response={"id": "r2", "conversation_id": "c"})
    receive(core, "response.done", response={"id": "r2", "conversation_id": "c", "status": "completed"})
    assert sent_types(core) == []


def test_the_end_of_a_request_says_that_calls_follow_and_their_end_says_which_request_goes_on() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    request = core.respond(now=0.0)
    notices = calling(core, ("c1", '{"zone":"CET"}'))
    (ended,) = [notice for notice in notices if isinstance(notice, RequestEnded)]
    assert (ended.resolution.request, ended.calls_follow) == (request, True)
    assert "CallsAnswered" not in kinds(notices)
    core.tool_answered("c1", "noon", now=0.0)
    (following,) = core.sequencer.pending
    assert core.take_notices() == [CallsAnswered(response_id="r", continued_by=following.request_id)]
    receive(core, "response.created", response={"id": "r2", "conversation_id": "c"})
    notices = receive(core, "response.done", response={"id": "r2", "conversation_id": "c", "status": "completed"})
    (ended,) = [notice for notice in notices if isinstance(notice, RequestEnded)]
    assert (ended.resolution.request, ended.calls_follow) == (following, False)


def test_calls_that_are_answered_before_their_response_ends_are_reported_behind_it() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    core.respond(now=0.0)
    notices = [name for name in kinds(calling(core, ("c1", "oops"))) if name in ("RequestEnded", "CallsAnswered")]
    assert notices == ["RequestEnded", "CallsAnswered"]


def test_pain_08_calls_can_be_cancelled() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    calling(core, ("c1", '{"zone":"CET"}'))
    assert not core.between_turns
    core.cancel_tools(now=0.0)
    assert core.take_notices() == [StopTool("c1"), CallsAnswered(response_id="r", continued_by=None)]
    assert sent_types(core) == ["conversation.item.create"]
    core.tool_answered("c1", "late", now=0.0)
    assert sent_types(core) == []


@pytest.mark.parametrize("options", [None, CoreOptions(stop_tools_on_speech=False)], ids=["as usual", "kept"])
def test_the_user_s_speech_stops_the_functions_unless_they_are_kept(options: CoreOptions | None) -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock), options=options)
    calling(core, ("c1", '{"zone":"CET"}'))
    notices = receive(core, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    assert ("StopTool" in kinds(notices)) is (options is None)


def test_without_a_toolbox_the_application_handles_calls() -> None:
    core = ConversationCore(new_id=CountedIds())
    notices = calling(core, ("c1", "oops"))
    assert "RunTool" not in kinds(notices)
    assert sent_types(core) == []


def test_an_application_may_go_on_by_itself() -> None:
    options = CoreOptions(continue_after_tools=False)
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock), options=options)
    calling(core, ("c1", "oops"))
    assert sent_types(core) == ["conversation.item.create"]


def test_a_server_that_names_no_conversation_has_its_calls_run_all_the_same() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    receive(core, "response.created", response={"id": "r", "conversation_id": None})
    item = {"type": "function_call", "id": "i", "name": "clock", "call_id": "c", "arguments": '{"zone":"UTC"}'}
    notices = receive(core, "response.output_item.done", response_id="r", output_index=0, item=item)
    assert [notice.call.call_id for notice in notices if isinstance(notice, RunTool)] == ["c"]


def test_calls_of_a_response_out_of_band_are_not_run() -> None:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))
    request = core.respond(respond(conversation="none"), now=0.0)  # type: ignore[arg-type]  # it is a response.create
    response = {"id": "r", "conversation_id": None, "metadata": {REQUEST_TAG: request.request_id}}
    (started,) = receive(core, "response.created", response=response)
    assert started == ResponseStarted(response_id="r", in_conversation=False)
    item = {"type": "function_call", "id": "i", "name": "clock", "call_id": "c", "arguments": '{"zone":"UTC"}'}
    assert receive(core, "response.output_item.done", response_id="r", output_index=0, item=item) == []
