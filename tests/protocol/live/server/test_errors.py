"""Refused commands."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from duologue.protocol.live.server.errors import REFUSALS, RefusedCommand, error_event
from duologue.protocol.server.errors import InvalidRequest


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_has_a_code_and_a_sentence(name: str) -> None:
    code, template = REFUSALS[name]
    details = {field: 1 for _, field, _, _ in Formatter().parse(template) if field and field != "param"}
    refused = RefusedCommand(name, param="session.model", **details)
    event = refused.event("event_1", answers="c1")
    assert re.fullmatch("[a-z_]+", code)
    assert (event.error.code, event.error.type, event.client_event_id) == (code, "invalid_request_error", "c1")
    assert str(refused) == event.error.message
    assert "{" not in str(refused)


def test_an_error_without_a_command_names_none() -> None:
    wire = error_event("event_1", code="engine_failed", message="It broke.", type="server_error").to_json()
    assert wire == {
        "type": "error",
        "event_id": "event_1",
        "error": {"type": "server_error", "code": "engine_failed", "message": "It broke."},
    }


def test_what_the_checks_of_frames_find_keeps_its_code() -> None:
    refused = RefusedCommand.of(InvalidRequest("event_too_large", max=5, got=6))
    assert refused.code == "string_above_max_length"
    assert "5 bytes" in refused.message
