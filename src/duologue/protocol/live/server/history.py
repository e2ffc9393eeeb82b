"""The conversation as a responder reads it, and what was appended to its instructions.

The oldest messages are dropped for good when it outgrows the context window; appended instructions stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from duologue.events.live import LiveFunctionCall
from duologue.protocol.live.server.commands import LiveMessage
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.token_usage import text_tokens

__all__ = ["History", "HistoryEntry"]

_Role: TypeAlias = Literal["system", "user", "assistant", "tool"]

_CHARACTERS_PER_TOKEN: Final = 4
"""As `duologue.protocol.server.token_usage` counts."""

_ENTRY_BYTES: Final = 400
"""Of the objects around a text."""


class HistoryEntry(Struct, eq=False):
    """A message whose text may still grow, or be cut."""

    role: _Role
    text: str
    calls: list[LiveFunctionCall] = field(default_factory=list[LiveFunctionCall])
    call_id: str | None = None
    is_kept: bool = True
    """Whether it is still among the messages."""

    @property
    def size(self) -> int:
        """Characters in it."""
        return len(self.text) + sum(len(call.name) + len(call.arguments) for call in self.calls)


class History:
    """The messages of one session."""

    def __init__(self, account: MemoryAccount, limits: LiveDefaults) -> None:
        self._account = account
        self._limits = limits
        self._entries: list[HistoryEntry] = []
        self._held_bytes = 0
        self._rules: list[str] = []
        self._size = 0
        """Characters of all entries and rules: counted as they change, because replies grow word by word."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Appended instructions."""
        return tuple(self._rules)

    @property
    def tokens(self) -> int:
        """An estimate of the tokens of all messages and rules."""
        return -(-self._size // _CHARACTERS_PER_TOKEN)

    def add(self, role: _Role, text: str, *, call_id: str | None = None) -> HistoryEntry:
        """Append a message. An assistant's may be empty until its words are known."""
        entry = HistoryEntry(role, text, call_id=call_id)
        self._entries.append(entry)
        self._grew(entry.size)
        return entry

    def add_output(self, call_id: str, output: str) -> None:
        """The output of a call, which stands directly behind the calls: language models require that order."""
        place = len(self._entries)
        for index, entry in enumerate(self._entries):
            if any(call.call_id == call_id for call in entry.calls):
                place = index + 1
                while place < len(self._entries) and self._entries[place].role == "tool":
                    place += 1
                break
        else:
            return  # the call has been dropped with the oldest messages
        self._entries.insert(place, HistoryEntry("tool", output, call_id=call_id))
        self._grew(len(output))

    def set_text(self, entry: HistoryEntry, text: str) -> None:
        """The words of a message. One without words and calls is removed."""
        grown = len(text) - len(entry.text)
        entry.text = text
        if not entry.is_kept:
            return
        if not text and not entry.calls:
            self._entries = [other for other in self._entries if other is not entry]
            entry.is_kept = False
        self._grew(grown)

    def add_call(self, entry: HistoryEntry, call: LiveFunctionCall) -> None:
        """The message makes a call."""
        before = entry.size if entry.is_kept else 0
        if not entry.is_kept:
            self._entries.append(entry)
            entry.is_kept = True
        entry.calls.append(call)
        self._grew(entry.size - before)

    def drop_calls(self, call_ids: Iterable[str]) -> None:
        """These calls get no output: no trace of them is left, for a model could not read them."""
        dropped = set(call_ids)
        for entry in self._entries:
            entry.calls = [call for call in entry.calls if call.call_id not in dropped]
            entry.is_kept = entry.call_id not in dropped and bool(entry.text or entry.calls)
        self._entries = [entry for entry in self._entries if entry.is_kept]
        self._grew(sum(entry.size for entry in self._entries) + sum(map(len, self._rules)) - self._size)

    def add_rule(self, rule: str) -> None:
        """Instructions that hold from now on. Raises RefusedCommand beyond the limit."""
        self.check_rule(rule)
        self._rules.append(rule)
        self._grew(len(rule))

    def check_rule(self, rule: str, waiting: Iterable[str] = ()) -> None:
        """Raise RefusedCommand if there is no room for this rule behind those that wait."""
        limit = self._limits.max_instructions_tokens
        if (got := sum(map(text_tokens, (*self._rules, *waiting, rule)))) > limit:
            raise RefusedCommand("too_long", param="content", max=limit, unit="tokens of all appended rules", got=got)

    def restore(self, messages: Iterable[LiveMessage], rules: Iterable[str]) -> None:
        """Go on from the conversation of a stored session."""
        self._entries = [
            HistoryEntry(message.role, message.text, calls=[*message.calls], call_id=message.call_id)
            for message in messages
        ]
        self._rules = [*rules]
        self._grew(sum(entry.size for entry in self._entries) + sum(map(len, self._rules)) - self._size)

    def messages(self) -> tuple[LiveMessage, ...]:
        """The messages with words or calls, oldest first."""
        return tuple(
            LiveMessage(role=entry.role, text=entry.text, calls=tuple(entry.calls), call_id=entry.call_id)
            for entry in self._entries
            if entry.text or entry.calls or entry.role == "tool"
        )

    def release(self) -> None:
        """The session is over."""
        self._account.change("items", -self._held_bytes)
        self._held_bytes = 0

    def _grew(self, n_chars: int) -> None:
        self._size += n_chars
        while len(self._entries) > 1 and (
            len(self._entries) > self._limits.max_messages or self.tokens > self._limits.max_context_tokens
        ):
            self._drop_oldest()
            while self._entries and self._entries[0].role == "tool":
                self._drop_oldest()  # without its call no model can read it
        held = 8 * self._size + _ENTRY_BYTES * len(self._entries)  # as the account counts a text that is not ASCII
        self._account.change("items", held - self._held_bytes)
        self._held_bytes = held

    def _drop_oldest(self) -> None:
        entry = self._entries.pop(0)
        entry.is_kept = False
        self._size -= entry.size
