"""Commands of a Live session that are confirmed, and their answers (rule `live.answered_once`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from duologue import catalogue
from duologue.conformance.rulebook.any_session import Verdicts
from duologue.conformance.wire.trace import Trace, WireMessage

__all__ = ["answered_once", "answers_name_commands", "confirmations", "error_reference"]

_NOT_ANSWERED_ITSELF = frozenset({"decision.create"})
"""Its `decision.event` is an effect that does not name it."""


class _Command(Struct):
    id: str
    type: str


@cache
def confirmations() -> Mapping[str, str]:
    """The event that confirms a command, by the command's type. A fixture is confirmed when it begins to play."""
    commands = [each for each in catalogue.events() if each.api == "live" and each.direction == "client"]
    return {each.wire: each.answers[0] for each in commands if each.answers and each.wire not in _NOT_ANSWERED_ITSELF}


def error_reference(error: WireMessage) -> str | None:
    """The id of the command that an error names: it may stand in either of two places."""
    for path in ("client_event_id", "error.client_event_id"):
        if (id := error.get(path)) is not None:
            return str(id)
    return None


def answered_once(trace: Trace) -> Verdicts:
    """Each confirmed command is answered by its event or by one error, at the latest before `session.closed`.

    An answer names its command; one that does not belongs to the oldest open command of its kind. Yields a sentence,
    or None where it holds.
    """
    waiting: list[_Command] = []
    answered: set[str] = set()
    unnamed_errors = 0
    kinds = confirmations()
    for each in trace.messages:
        if each.side == "C":
            if each.type in kinds:
                waiting.append(_Command(str(each.event.get("event_id")), each.type))
            continue
        if each.type != "error" and each.type not in kinds.values():
            continue
        named = error_reference(each)
        command = _answered_by(each, named, waiting)
        if command is not None:
            waiting.remove(command)
            answered.add(command.id)
            yield None
        elif named in answered:
            yield f"{named} is answered twice, the second time by {each.type}"
        elif each.type == "error":
            unnamed_errors += named is None
        elif named is None and not trace.shared and any(trace.sent("session.start")):
            # The server may close a session that it was not asked to close.
            yield None if each.type == "session.closed" else f"{each.type} came, and nothing asked for it"
        if each.type == "session.closed" and len(waiting) > unnamed_errors:
            yield f"{waiting[0].type} ({waiting[0].id}) is not answered before session.closed"


def answers_name_commands(trace: Trace) -> Verdicts:
    """Every confirmation has a `client_event_id`. Not on shared sessions, where the command may be another socket's."""
    for each in trace.received(*confirmations().values()):
        if not trace.shared and any(trace.sent("session.start")) and not _is_unasked_end(each):
            yield None if each.get("client_event_id") is not None else f"{each.type} without client_event_id"


def _is_unasked_end(message: WireMessage) -> bool:
    return message.type == "session.closed" and message.get("reason") != "close_requested"


def _answered_by(answer: WireMessage, named: str | None, waiting: list[_Command]) -> _Command | None:
    """The open command that an event answers; None if there is none."""
    kinds = confirmations()
    for command in waiting:
        if named is not None:
            if command.id == named and answer.type in ("error", kinds[command.type]):
                return command
        elif answer.type == kinds[command.type] or (answer.type == "error" and command.type == "session.start"):
            return command  # an error while starting answers the start
    return None
