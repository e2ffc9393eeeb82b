"""What the server has told about each function call, added up over the events that tell of it.

Servers differ in which event tells a call whole: `response.function_call_arguments.done`, `response.output_item.done`,
an event of the item, `response.done`, or none of them but the pieces. An event may lack the name, an id or the
arguments, and a later one may have them empty again. A value that is told is never replaced by an emptier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from duologue.events import FunctionCallItem, is_set
from duologue.protocol.client.history.item_merge import fuller_arguments

__all__ = ["CallEvidence", "CallTable"]

_CUT: Final = "incomplete"
_WHOLE: Final = "completed"


class CallEvidence(Struct, kw_only=True, eq=False):
    """One call of the model."""

    response_id: str = ""
    """Empty while no event has said which response made the call."""
    output_index: int = 0
    item_id: str = ""
    call_id: str = ""
    name: str = ""
    status: str = ""
    """Of its item: "completed" is never replaced, "in_progress" always."""
    ended: bool = False
    """Whether an event has said that the call is whole."""
    handled: bool = False
    """Whether it was run or answered, or is the client's own item: it is not run again."""
    orphan: bool = False
    """Whether it came before any event of a response: the next response that ends has made it."""
    size: int = 0
    """Number of characters that are kept."""
    _whole: str = ""
    _pieces: list[str] = msgspec.field(default_factory=list[str])

    @property
    def cut(self) -> bool:
        """Whether the server has ended the call before it was whole."""
        return self.status == _CUT

    @property
    def arguments(self) -> str:
        """The fullest text that was told: whole JSON before pieces of it."""
        return fuller_arguments("".join(self._pieces), self._whole)

    def piece(self, delta: str) -> None:
        """The next piece of the arguments."""
        self._pieces.append(delta)
        self.size += len(delta)

    def whole(self, arguments: str) -> None:
        """All of the arguments, as one event has them."""
        before, self._whole = self._whole, fuller_arguments(self._whole, arguments)
        self.size += len(self._whole) - len(before)

    def told(self, item: FunctionCallItem, *, ends: bool) -> None:
        """The call's item; `ends` says that the event is one that ends it."""
        self.names(item.name, item.call_id if is_set(item.call_id) else "", item.id if is_set(item.id) else "")
        self.whole(item.arguments)
        status = item.status if is_set(item.status) else ""
        if self.status != _WHOLE and status and not (self.status == _CUT and status == "in_progress"):
            self.status = status
        self.ended |= status == _WHOLE or (ends and status not in (_CUT, "in_progress"))

    def names(self, name: str = "", call_id: str = "", item_id: str = "") -> None:
        """The name and the ids, as far as an event has them; the first ones stay."""
        self.name, self.call_id, self.item_id = self.name or name, self.call_id or call_id, self.item_id or item_id

    def may_be(self, *, call_id: str, item_id: str) -> bool:
        """Whether an event with these ids can be about this call: no id contradicts."""
        return (not self.call_id or not call_id or self.call_id == call_id) and (
            not self.item_id or not item_id or self.item_id == item_id
        )


class CallTable:
    """The calls of one connection, found by whichever id an event has."""

    def __init__(self, *, remembered: int) -> None:
        self._calls: dict[int, CallEvidence] = {}
        self._by_call_id: dict[str, CallEvidence] = {}
        self._by_item_id: dict[str, CallEvidence] = {}
        self._remembered = remembered

    def __iter__(self) -> Iterator[CallEvidence]:
        return iter(list(self._calls.values()))

    def known(self, *, call_id: str = "", item_id: str = "") -> CallEvidence | None:
        """The call with one of these ids."""
        return self._by_call_id.get(call_id) or self._by_item_id.get(item_id)

    def adopted_by(self, response_id: str) -> list[CallEvidence]:
        """The calls of a response that were neither run nor answered, with those that no response has made so far."""
        for call in self._calls.values():
            if call.orphan:
                call.response_id, call.orphan = response_id, False
        return [call for call in self._calls.values() if call.response_id == response_id and not call.handled]

    def drop_orphans(self) -> None:
        """A response begins: what came before it is the past of a conversation that the server has continued."""
        for call in self._calls.values():
            call.handled |= call.orphan

    def find(
        self, *, response_id: str, call_id: str = "", item_id: str = "", output_index: int | None, arguments: str = ""
    ) -> CallEvidence:
        """The call that an event with these ids is about; a new one if there is none yet.

        `output_index` is None where the event does not say it: then the order of the calls decides.
        """
        call = self._by_call_id.get(call_id) or self._same_item(item_id, call_id, arguments)
        if call is None:
            call = next(
                (
                    call
                    for call in self._calls.values()
                    if call.response_id == response_id
                    and output_index in (None, call.output_index)
                    and (not call.call_id or not call.item_id)
                    and call.may_be(call_id=call_id, item_id=item_id)
                ),
                None,
            )
        if call is None:
            call = CallEvidence(response_id=response_id, output_index=output_index or 0)
            self._calls[id(call)] = call
            self._forget_oldest()
        call.response_id = call.response_id or response_id
        call.names(call_id=call_id, item_id=item_id)
        self._index(call)
        return call

    def clear(self, *, keep: Iterable[str] = ()) -> None:
        """Another connection begins, whose server may use the same ids again; calls with the ids `keep` stay known."""
        self._calls.clear()
        self._by_call_id.clear()
        self._by_item_id.clear()
        for call_id in keep:
            self.find(response_id="", call_id=call_id, output_index=0).handled = True

    def _same_item(self, item_id: str, call_id: str, arguments: str) -> CallEvidence | None:
        """The call with this item id. Two calls have one item id only where the server gives all items the same."""
        call = self._by_item_id.get(item_id)
        if call is None or not call_id or not call.call_id or call.call_id == call_id:
            return call
        return call if not arguments or call.arguments in ("", arguments) else None

    def _index(self, call: CallEvidence) -> None:
        if call.call_id:
            self._by_call_id.setdefault(call.call_id, call)
        if call.item_id:
            self._by_item_id.setdefault(call.item_id, call)

    def _forget_oldest(self) -> None:
        if len(self._calls) <= self._remembered:
            return
        oldest = self._calls.pop(next(iter(self._calls)))
        if self._by_call_id.get(oldest.call_id) is oldest:
            del self._by_call_id[oldest.call_id]
        if self._by_item_id.get(oldest.item_id) is oldest:
            del self._by_item_id[oldest.item_id]
