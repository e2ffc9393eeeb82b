"""The conversation as a responder reads it."""

from __future__ import annotations

import pytest

from duologue.events.live import LiveFunctionCall
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.history import History
from duologue.protocol.server.account import MemoryAccount


def history(**limits: int) -> tuple[History, MemoryAccount]:
    account = MemoryAccount(10_000_000)
    return History(account, LiveDefaults(**limits)), account  # type: ignore[arg-type]


def call(call_id: str) -> LiveFunctionCall:
    return LiveFunctionCall(call_id=call_id, name="track", arguments="{}")


def shown(kept: History) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in kept.messages()]


def test_outputs_stand_behind_their_calls_in_order() -> None:
    kept, _ = history()
    kept.add("user", "Where is it?")
    entry = kept.add("assistant", "")
    kept.add_call(entry, call("a"))
    kept.add_call(entry, call("b"))
    kept.add("user", "Hello?")
    kept.add_output("a", "one")
    kept.add_output("b", "two")
    kept.add_output("unknown", "three")
    assert [role for role, _ in shown(kept)] == ["user", "assistant", "tool", "tool", "user"]
    assert [message.call_id for message in kept.messages()][2:4] == ["a", "b"]


def test_a_message_whose_words_are_cut_to_nothing_is_gone_unless_it_calls() -> None:
    kept, _ = history()
    spoken = kept.add("assistant", "Once upon a time")
    kept.set_text(spoken, "Once")
    assert shown(kept) == [("assistant", "Once")]
    kept.set_text(spoken, "")
    assert shown(kept) == []
    kept.add_call(spoken, call("a"))
    assert len(kept.messages()) == 1
    kept.drop_calls(["a"])
    assert shown(kept) == []


def test_the_oldest_messages_are_dropped_with_their_outputs_and_rules_stay() -> None:
    kept, _ = history(max_context_tokens=100)
    kept.add_rule("Speak French.")
    entry = kept.add("assistant", "")
    kept.add_call(entry, call("a"))
    kept.add_output("a", "x" * 100)
    for number in range(30):
        kept.add("user", f"{number:040}")
        assert shown(kept)[0][0] != "tool"
    assert kept.tokens <= 100
    assert [role for role, _ in shown(kept)] == ["user"] * len(shown(kept))
    assert kept.rules == ("Speak French.",)


def test_short_messages_have_a_limit_too() -> None:
    kept, _ = history(max_messages=5)
    for number in range(20):
        kept.add("user", str(number))
    assert shown(kept)[0] == ("user", "15")


def test_rules_have_a_limit_together() -> None:
    kept, _ = history(max_instructions_tokens=10)
    kept.add_rule("x" * 20)
    with pytest.raises(RefusedCommand):
        kept.check_rule("x" * 20, ["x" * 4])


def test_memory_is_counted_and_released() -> None:
    kept, account = history()
    kept.add("user", "x" * 1_000)
    assert account.held["items"] >= 1_000
    kept.release()
    assert account.held["items"] == 0
