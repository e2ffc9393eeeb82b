"""What a test that does not fit its cassette is told: where, what was recorded, what came, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from duologue.printable import printable
from duologue.recording import ClosedLine
from duologue.testing.cassettes.contents import ClientStep
from duologue.testing.cassettes.messages import event_in
from duologue.testing.cassettes.player import ConnectionPlayer, Mismatch

__all__ = ["never_opened", "no_such_socket", "of_mismatch", "of_requests", "of_rest", "of_silence", "of_state"]

_MAX_DIFFERENCES: Final = 5
_MAX_NAMES: Final = 6
"""Of differences and of events that are named; the rest is counted."""


def of_mismatch(cassette: str, player: ConnectionPlayer, fault: Mismatch) -> str:
    """The client sent something that was not recorded."""
    expected = fault.expected
    where = f"line {expected.line_number} of the recording" if expected is not None else "the recording is over"
    lines = [
        f"{_of(cassette, player)}: event {fault.number} of the client is not the recorded one ({where}).",
        f"  recorded: {expected.message.type if expected is not None else '(nothing more)'}",
        f"  came:     {fault.came}",
    ]
    lines += [f"    {difference}" for difference in fault.differences[:_MAX_DIFFERENCES]]
    if len(fault.differences) > _MAX_DIFFERENCES:
        lines.append(f"    and {len(fault.differences) - _MAX_DIFFERENCES} more fields")
    if fault.before:
        lines.append(f"  before:   {', '.join(fault.before)}")
    if not fault.differences and expected is not None:
        rest = [step.message.type for step in player.left_over[1:]]
        lines.append(f"  recorded after it: {_names(rest) if rest else '(nothing)'}")
    if paths := [difference.path for difference in fault.differences if " " not in difference.path]:
        lines.append(f"  If this may differ: ignore=[{', '.join(repr(path) for path in paths[:_MAX_DIFFERENCES])}].")
    lines.append("  If the recording is out of date: record it again.")
    return "\n".join(lines)


def of_silence(cassette: str, player: ConnectionPlayer, seconds: float) -> str:
    """The client has sent nothing for some time, and the server cannot go on."""
    following = player.next_message
    then = f", and then sends {_name_of(following.what)}" if following is not None else ""
    return (
        f"{_of(cassette, player)}: the client has sent nothing for {seconds:g} s. The server waits for "
        f"{_awaited(player)}{then}.\n"
        f"  came: {player.steps_done} of {len(player.socket.client)} recorded events of the client"
    )


def of_rest(cassette: str, player: ConnectionPlayer) -> str:
    """The client left before it had sent what was recorded."""
    rest = player.left_over
    return (
        f"{_of(cassette, player)}: the client left before the end. It sent {player.steps_done} of "
        f"{len(player.socket.client)} recorded events; these did not come: "
        f"{_names([step.message.type for step in rest])} (line {rest[0].line_number} of the recording)."
    )


def of_state(cassette: str, player: ConnectionPlayer) -> str:
    """How far a connection has been played, and what is next."""
    came, sent = len(player.socket.client) - len(player.left_over), player.sent
    words = (
        f"{_of(cassette, player)}: {came} of {len(player.socket.client)} recorded events of the client came, "
        f"{sent} of {len(player.socket.server)} of the server were sent"
    )
    return f"{words}; the server waits for {_awaited(player)}" if player.next_message is not None else words


def no_such_socket(cassette: str, place: str, left: Sequence[str]) -> str:
    """The client opens a connection that was not recorded."""
    what = f"the next one recorded is {left[0]}" if left else "all recorded connections have been played"
    return f"{cassette}: the client opens {printable(place)}, and {what}."


def never_opened(cassette: str, place: str | None, number: int) -> str:
    """A recorded connection was not opened."""
    at = f" to {place}" if place is not None else ""
    return f"{cassette}: connection {number}{at} was recorded, and the client did not open it."


def of_requests(cassette: str, asked: str, recorded: Sequence[str]) -> str:
    """A request over HTTP was not recorded."""
    what = f"recorded and not yet played: {_names(recorded)}" if recorded else "no other request was recorded"
    return f"{cassette}: the client asks for {printable(asked)}, and {what}."


def _of(cassette: str, player: ConnectionPlayer) -> str:
    number = player.socket.number
    return cassette if number == 1 else f"{cassette}, connection {number}"


def _awaited(player: ConnectionPlayer) -> str:
    waits_for = player.waits_for
    if isinstance(waits_for, ClientStep):
        return f"{waits_for.message.type} (line {waits_for.line_number} of the recording)"
    return f"{(waits_for or 0.0) / 1000:.2f} s more of input audio"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _name_of(what: str | bytes | ClosedLine) -> str:
    if isinstance(what, ClosedLine):
        return f"a close with code {what.code}"
    event = event_in(what)
    return printable(str(event.get("type")), max_characters=100) if event is not None else "a message"
