"""Checks that every family has, made by its names."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.codec import decode_translation
from duologue.codec.live import decode_live
from duologue.conformance.rulebook.any_session import (
    Check,
    errors_name_commands,
    event_ids,
    fields,
    no_events_of_realtime,
    nothing_after,
    pcm_of,
    published,
    published_types,
    whole_samples,
)
from duologue.conformance.wire.trace import Trace, WireMessage
from tests.conformance.rulebook._traces import SESSION, trace_of

BOTH_PATHS = errors_name_commands("client_event_id", "error.client_event_id")


def _found(check: Check, *received: dict[str, Any], sent: tuple[dict[str, Any], ...] = ()) -> list[str | None]:
    return list(check(trace_of([*(("C", each) for each in sent), *(("S", each) for each in received)])))


def test_published_types_have_neither_beta_names_nor_those_of_other_endpoints() -> None:
    assert {"response.output_text.delta", "error", "rate_limits.updated"} <= published_types()
    assert not {"response.text.delta", "response.audio.done", "session.closed"} & published_types()
    assert {"response.text.delta", "conversation.item.created", "session.created"} <= published_types(beta=True)
    assert not {"response.output_text.delta", "conversation.item.added"} & published_types(beta=True)
    assert {"session.started", "response.event"} <= published_types("live")
    assert "session.started" not in published_types("translation")


@pytest.mark.parametrize(
    ("check", "event", "fault"),
    [
        (event_ids(but=()), {"type": "a"}, "a without event_id"),
        (event_ids(but=("a",)), {"type": "a"}, ...),
        (event_ids(but=()), {"type": "a", "event_id": ""}, "a without event_id"),
        (published("live"), {"type": "session.paused"}, None),
        (published("live"), {"type": "session.created"}, "session.created is no published event"),
        (no_events_of_realtime("live"), {"type": "session.created"}, "session.created is an event of Realtime"),
        (no_events_of_realtime("live"), {"type": "error"}, None),
        (no_events_of_realtime("translation"), {"type": "session.created"}, None),
        (fields("live", decode_live), {"type": "session.kugel.tools"}, ...),
        (fields("live", decode_live), {"type": "session.started", "event_id": "s", "session": SESSION}, None),
        (fields("translation", decode_translation), {"type": "session.closed", "event_id": "s"}, None),
        (nothing_after("a"), {"type": "a"}, None),
        (nothing_after("a"), {"type": "b"}, ...),
        (whole_samples(lambda trace: 2), {"type": "session.output_audio.delta"}, "an output audio delta is no base64"),
    ],
)
def test_a_check_says_what_is_wrong_with_an_event(check: Check, event: dict[str, Any], fault: Any) -> None:
    assert _found(check, event) == ([] if fault is ... else [fault])


def test_a_field_that_is_missing_is_named() -> None:
    (fault,) = _found(fields("live", decode_live), {"type": "session.usage.updated", "event_id": "s"})
    assert fault is not None
    assert fault.startswith("session.usage.updated: ")
    assert "usage" in fault


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        (("c1", "c1"), None),
        ((None, "c1"), None),
        ((None, None), None),
        (("c1", "c2"), "an error names c1 and c2"),
        (("c9", None), "an error names c9, which was never sent"),
    ],
)
def test_an_error_names_one_command_that_was_sent_or_none(
    named: tuple[str | None, str | None], fault: str | None
) -> None:
    sent = ({"type": "a", "event_id": "c1"}, {"type": "a", "event_id": "c2"})
    error = {"type": "error", "client_event_id": named[0], "error": {"client_event_id": named[1]}}
    assert _found(BOTH_PATHS, error, sent=sent) == [fault]


def test_what_an_error_names_may_be_of_another_socket_of_the_session() -> None:
    error = WireMessage(side="S", at_s=0.0, event={"type": "error", "client_event_id": "theirs"})
    assert list(BOTH_PATHS(Trace(name="by hand", messages=[error], shared=True))) == [None]


@pytest.mark.parametrize(("text", "audio"), [("AAAA", bytes(3)), ("AAA", None), ("", b""), (None, None), (7, None)])
def test_audio_that_is_no_base64_has_no_bytes(text: Any, audio: bytes | None) -> None:
    assert pcm_of(WireMessage(side="S", at_s=0.0, event={"delta": text})) == audio
