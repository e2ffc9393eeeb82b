"""A conversation survives the loss of its connection, and the rotation to another one."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCM
from duologue.codec.writing import to_plain
from duologue.errors import LocalProtocolError, NotConnected
from duologue.events import (
    ConversationItemCreateEvent,
    ConversationItemTruncateEvent,
    ResponseCreateEvent,
    SessionUpdateEvent,
)
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.notices import ConnectionLost, ErrorReported
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import CountedIds
from tests.protocol._conversation import STARTED_AT, Talk, asked, calling, clock, speaking
from tests.protocol._wire import create, update, user_text


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_pain_06_a_lost_connection_fails_what_is_pending_and_the_next_one_knows_what_was_confirmed(talk: Talk) -> None:
    talk.send(update(instructions="be kind", audio={"input": {"turn_detection": None}}))
    talk.send(create(user_text("remember me")))
    asked(talk)
    talk.answers("I will")
    speaking(talk)
    before = talk.core.store.items
    talk.lose("the cable")
    assert talk.resolutions[-1].reason == "the cable"
    assert talk.of(ConnectionLost) == [ConnectionLost("the cable")]
    with pytest.raises(NotConnected, match=r"the connection is lost .* restored\(\)"):
        talk.core.send(create(user_text("x")), now=0.0)
    with pytest.raises(NotConnected, match=r"the connection is lost .* restored\(\)"):
        talk.core.append(bytes(480))
    with pytest.raises(NotConnected, match=r"the connection is lost .* restored\(\)"):
        talk.core.respond(now=0.0)
    talk.core.lost(now=talk.now)
    assert talk.core.store.items == before
    talk.connect()
    (restored,) = talk.of(SessionRestored)
    assert restored.configured
    assert set(restored.item_ids) == {stored.item_id for stored in before[:2]}
    assert [missing.reason for missing in restored.not_restored] == ["it was not finished"]
    assert [stored.text for stored in talk.core.store.items] == ["remember me", "I will"]
    assert {stored.item_id for stored in talk.core.store.items} == set(restored.item_ids.values())
    assert talk.client_view() == talk.server_view()
    assert talk.server.session.realtime.instructions == "be kind"
    assert talk.server.session.turn_settings is None
    asked(talk)
    talk.answers("as before")
    assert talk.resolutions[-1].done is not None
    assert not talk.of(ErrorReported)


def test_pain_06_no_id_of_an_earlier_session_is_ever_sent(talk: Talk) -> None:
    talk.send(create(user_text("hello")))
    talk.finishes(speaking(talk))
    talk.player.play(talk.core, PCM.bytes_for_ms(100))
    old = {stored.item_id for stored in talk.core.store.items}
    talk.lose()
    talk.sent.clear()
    talk.connect()
    talk.core.report_played(next(iter(old)), n_bytes=480)
    talk.speak(600)
    assert not any(f"'{item_id}'" in str(event.to_json()) for event in talk.sent for item_id in old)
    assert talk.sent_of(ConversationItemTruncateEvent) == []


def test_pain_06_the_output_of_a_function_is_sent_to_the_next_session() -> None:
    talk = Talk(toolbox=Toolbox(clock))
    calling(talk.core, ("c1", '{"zone":"CET"}'))
    talk.lose()
    talk.core.tool_answered("c1", "noon", now=talk.now)
    talk.flow()
    assert talk.sent_of(ConversationItemCreateEvent) == []
    talk.connect()
    items = [to_plain(event.item) for event in talk.sent_of(ConversationItemCreateEvent)]
    assert [(item["type"], item["call_id"]) for item in items] == [
        ("function_call", "c1"),
        ("function_call_output", "c1"),
    ]
    assert len(talk.sent_of(ResponseCreateEvent)) == 1


def test_pain_05_a_session_is_changed_at_a_turn_boundary_before_it_expires(talk: Talk) -> None:
    assert talk.core.session_status.expires_at == STARTED_AT + 3600
    soon = float(STARTED_AT + 3500)
    assert not talk.core.rotation_due(unix_now_s=float(STARTED_AT))
    assert talk.core.rotation_due(unix_now_s=soon)
    talk.speak(600)
    assert not talk.core.rotation_due(unix_now_s=soon)
    talk.pause(600)
    talk.transcribe(next(iter(talk.transcribes)), "hello")
    talk.answers(ms=300)
    assert not talk.core.between_turns
    talk.player.play(talk.core, 1_000_000)
    assert talk.core.rotation_due(unix_now_s=soon)
    talk.send(create(user_text("keep me")))
    talk.lose("rotation")
    talk.connect()
    assert talk.core.store.items[-1].text == "keep me"
    assert not ConversationCore(new_id=CountedIds()).rotation_due(unix_now_s=soon)


def test_events_that_were_not_taken_before_the_connection_was_lost_are_not_sent_later(talk: Talk) -> None:
    talk.core.send(create(user_text("late")), now=talk.now)
    talk.core.append(bytes(480))
    talk.core.respond(now=talk.now)
    before = talk.core.session_status.expires_at
    talk.core.lost(now=talk.now)
    assert talk.core.take_events() == []
    assert (before, talk.core.session_status.expires_at) == (STARTED_AT + 3600, None)


def test_a_configuration_is_checked_with_a_connection_and_without(talk: Talk) -> None:
    both = update(output_modalities=["audio", "text"])
    assert isinstance(both, SessionUpdateEvent)
    for _ in range(2):
        with pytest.raises(LocalProtocolError):
            talk.core.update_session(both.session)
        talk.core.lost(now=talk.now)
    assert talk.core.session_replay.configuration is None
