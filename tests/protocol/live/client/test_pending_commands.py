"""Commands of a Live session wait for their answers in bounded number and time."""

from __future__ import annotations

from duologue.catalogue import events
from duologue.codec.live import LIVE_CLASSES
from duologue.events.live import LiveCommentaryAppendEvent, LiveInputAudioAppendEvent
from duologue.protocol.live.client.pending_commands import ANSWERS, PendingLiveCommands

APPEND = LiveCommentaryAppendEvent(delegation_id=None, content="hm")


def test_the_oldest_of_too_many_is_not_waited_for() -> None:
    commands = PendingLiveCommands(answer_within_s=30.0)
    dropped = [commands.sent(f"c{number}", APPEND, now=0.0) for number in range(300)]
    names = [command.command_id for command in dropped if command is not None]
    assert names == [f"c{number}" for number in range(300 - len(commands))]
    assert len(commands) == 256


def test_waits_end_in_the_order_of_their_begin() -> None:
    commands = PendingLiveCommands(answer_within_s=30.0)
    commands.sent("first", APPEND, now=0.0)
    commands.sent("second", APPEND, now=5.0)
    assert commands.next_deadline == 30.0
    assert commands.take_overdue(29.9) == []
    assert [command.command_id for command in commands.take_overdue(30.0)] == ["first"]
    assert commands.next_deadline == 35.0
    assert [command.command_id for command in commands.take_all()] == ["second"]
    assert commands.next_deadline == float("inf")


def test_audio_is_not_answered() -> None:
    commands = PendingLiveCommands(answer_within_s=30.0)
    assert commands.sent("a", LiveInputAudioAppendEvent(audio=""), now=0.0) is None
    assert len(commands) == 0


def test_the_table_of_answers_is_that_of_the_catalogue() -> None:
    documented = {(answer, entry.wire) for entry in events() if entry.api == "live" for answer in entry.answers[:1]}
    names = {cls: name for name, cls in LIVE_CLASSES.items()}
    table = {(names[answer], names[command]) for answer, command in ANSWERS.items()}
    # The end of the session answers its close; a decision names no command.
    assert documented - table == {("session.closed", "session.close"), ("decision.event", "decision.create")}
    assert table <= documented
