"""The conversation as a responder reads it."""

from __future__ import annotations

import pytest

from duologue.events.live import LiveFunctionCall
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.history import History, HistoryEntry
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


def test_a_reply_that_grows_word_by_word_is_not_counted_with_all_messages_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, account = history()
    for _ in range(400):
        kept.add("user", "Hello.")
    entry = kept.add("assistant", "Well")
    counted: list[HistoryEntry] = []

    def counting(entry: HistoryEntry) -> int:
        counted.append(entry)
        return len(entry.text)

    monkeypatch.setattr(HistoryEntry, "size", property(counting))
    for length in range(100):
        kept.set_text(entry, "Well" + " well" * length)
    assert len(counted) < 500
    assert account.held["items"] == 8 * (400 * 6 + len(entry.text)) + 400 * 401


def test_what_changes_in_a_message_that_was_dropped_does_not_count() -> None:
    kept, account = history(max_messages=2)
    old = kept.add("assistant", "Well")
    for _ in range(3):
        kept.add("user", "Hello.")
    before = account.held["items"]
    kept.set_text(old, "Well, well, well")
    kept.set_text(old, "")
    assert account.held["items"] == before == 8 * 12 + 800
    kept.add_call(old, call("c"))
    assert [len(message.calls) for message in kept.messages()] == [0, 1]
    kept.drop_calls(["c"])
    kept.release()
    assert account.held["items"] == 0
