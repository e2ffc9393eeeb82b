"""The items of a conversation as a responder reads them."""

from __future__ import annotations

from typing import Any

from duologue.audio.formats import PCM
from duologue.engines.base import Function, FunctionCall, Image, Message
from duologue.events import (
    ContentPart,
    ConversationItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    FunctionTool,
    InputAudioPart,
    InputImagePart,
    InputTextPart,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpHttpError,
    McpListToolsItem,
    MessageItem,
    OutputTextPart,
)
from duologue.protocol import Respond
from duologue.server.session.prompt import request_of


def command(*items: ConversationItem, **changes: Any) -> Respond:
    """A command to answer these items."""
    given: dict[str, Any] = {
        "response_id": "resp_1",
        "context": items,
        "instructions": "Be brief.",
        "model": "m",
        "max_output_tokens": None,
        "speak": False,
        "encoding": PCM,
        "voice": "v",
        "speed": 1.0,
        "turn": 3,
        **changes,
    }
    return Respond(**given)


def messages(*items: ConversationItem) -> tuple[Message, ...]:
    return request_of(command(*items), session_id="s", session_age_s=1.0).messages


def user(text: str) -> MessageItem:
    return MessageItem(role="user", content=[InputTextPart(text=text)])


def said(text: str) -> MessageItem:
    return MessageItem(role="assistant", content=[OutputTextPart(text=text)])


def call(call_id: str) -> FunctionCallItem:
    return FunctionCallItem(name="f", call_id=call_id, arguments="{}")


def output(call_id: str) -> FunctionCallOutputItem:
    return FunctionCallOutputItem(call_id=call_id, output=f"of {call_id}")


def calls(*call_ids: str) -> tuple[FunctionCall, ...]:
    return tuple(FunctionCall(name="f", arguments="{}", call_id=call_id) for call_id in call_ids)


def result(call_id: str) -> Message:
    return Message("tool", f"of {call_id}", call_id=call_id)


def test_text_and_transcripts_are_words_and_pictures_are_shown() -> None:
    spoken = MessageItem(role="user", content=[InputAudioPart(transcript="hello"), InputTextPart(text="there")])
    picture = MessageItem(role="user", content=[InputImagePart(image_url="data:")])
    silent = MessageItem(role="user", content=[InputAudioPart(transcript=None)])
    listing = McpListToolsItem(server_label="l", tools=[])
    assert messages(spoken, picture, silent, listing) == (
        Message("user", "hello there"),
        Message("user", "", images=(Image("data:"),)),
    )


def test_pictures_stay_with_the_words_of_their_message() -> None:
    shown: list[ContentPart] = [
        InputTextPart(text="Which is it?"),
        InputImagePart(image_url="data:image/png;base64,AA==", detail="low"),
        InputImagePart(image_url="data:image/png;base64,AQ=="),
    ]
    images = (Image("data:image/png;base64,AA==", "low"), Image("data:image/png;base64,AQ=="))
    assert messages(MessageItem(role="user", content=shown)) == (Message("user", "Which is it?", images=images),)


def test_calls_belong_to_what_the_assistant_said_before_them_and_outputs_follow() -> None:
    assert messages(user("?"), said("Let me see."), call("a"), call("b"), output("a"), output("b")) == (
        Message("user", "?"),
        Message("assistant", "Let me see.", calls=calls("a", "b")),
        result("a"),
        result("b"),
    )


def test_a_call_without_words_is_a_message_without_words() -> None:
    assert messages(user("?"), call("a"), output("a")) == (
        Message("user", "?"),
        Message("assistant", "", calls=calls("a")),
        result("a"),
    )


def test_what_the_user_says_while_a_function_runs_comes_behind_its_output() -> None:
    assert messages(call("a"), call("b"), user("hurry"), output("b"), output("a")) == (
        Message("assistant", "", calls=calls("a", "b")),
        result("b"),
        result("a"),
        Message("user", "hurry"),
    )


def test_an_output_whose_call_is_not_there_stays_where_it_is() -> None:
    assert messages(user("?"), output("gone")) == (Message("user", "?"), result("gone"))


def test_functions_and_the_choice_among_them_are_in_the_request() -> None:
    tools = (
        FunctionTool(name="f", description="d", parameters={"type": "object"}),
        FunctionTool(name="g"),
    )
    request = request_of(command(tools=tools, tool_choice="g"), session_id="s", session_age_s=1.0)
    assert request.functions == (
        Function(name="f", description="d", parameters={"type": "object"}),
        Function(name="g"),
    )
    assert request.function_choice == "g"


def test_a_user_who_says_nothing_is_a_message_without_words_and_the_instructions_say_what_to_do() -> None:
    request = request_of(command(said("Well?"), silent_ms=6500), session_id="s", session_age_s=1.0)
    assert request.messages == (Message("assistant", "Well?"), Message("user", ""))
    assert request.instructions.startswith("Be brief.\n\n")
    assert "6.5 seconds" in request.instructions
    request = request_of(command(instructions="", silent_ms=6000), session_id="s", session_age_s=1.0)
    assert request.instructions.startswith("The user has said nothing")


def test_results_are_new_until_the_assistant_speaks() -> None:
    def returned(*items: ConversationItem) -> frozenset[str]:
        return request_of(command(*items), session_id="s", session_age_s=1.0).returned

    mcp_call = McpCallItem(id="m", server_label="s", name="n", arguments="{}", output="x")
    assert returned(user("?"), call("a"), output("a"), mcp_call) == {"a", "m"}
    assert returned(user("?"), call("a"), user("hurry"), said("Yes."), output("a")) == {"a"}
    assert returned(user("?"), call("a"), output("a"), said("Done."), user("thanks")) == frozenset()


def test_calls_of_mcp_tools_are_read_with_what_came_of_them() -> None:
    made = McpCallItem(id="m", server_label="s", name="n", arguments="{}", output="x")
    failed = McpCallItem(
        id="f", server_label="s", name="n", arguments="{}", error=McpHttpError(code=502, message="gone")
    )
    silent = McpCallItem(id="q", server_label="s", name="n", arguments="{}", output=None)
    asked = McpApprovalRequestItem(id="r", server_label="s", name="n", arguments="{}")
    denied = McpApprovalResponseItem(id="d", approval_request_id="r", approve=False, reason="too dear")
    allowed = McpApprovalResponseItem(id="e", approval_request_id="r", approve=True)
    read = messages(user("?"), made, failed, silent, asked, denied, allowed)
    assert [message.text for message in read if message.role == "tool"] == [
        "x",
        "The call failed: gone",
        "The call failed: it did not answer",
        "The user did not allow this call: too dear",
    ]
    assert [call.call_id for message in read for call in message.calls] == ["m", "f", "q", "r"]
