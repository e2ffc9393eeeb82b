from __future__ import annotations

import logging

import pytest

from duologue.transports.wire_log import WIRE, log_frame


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ('{"type":"response.create","event_id":"event_1"}', "received response.create event_1 (47 bytes), session s"),
        ('{"event_id":null,"type":"error","audio":"ü"}', "received error (45 bytes), session s"),
        ('{"type":"a.b","event_id":"a secret"}', "received a.b (36 bytes), session s"),
        ('{"type":"secret"}', "received a frame of no known kind of type (17 bytes), session s"),
        ('{"type":"a.b\\n"}', "received a frame of no known kind of type (16 bytes), session s"),
        ('{"delta":"secret"}', "received a frame without a type (18 bytes), session s"),
        ('{"type":{"secret":1}}', "received an unreadable text (21 bytes), session s"),
        ("secret", "received an unreadable text (6 bytes), session s"),
        ("[" * 100_000, "received an unreadable text (100000 bytes), session s"),
        (b"secret", "received a binary message (6 bytes), session s"),
    ],
)
def test_a_frame_is_logged_by_type_id_and_size_alone(
    message: str | bytes, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "duologue.wire")
    log_frame("received", message, session="s")
    assert caplog.messages == [line]


def test_it_is_off_unless_it_is_asked_for() -> None:
    assert WIRE.name == "duologue.wire"
    assert not WIRE.isEnabledFor(logging.DEBUG)
