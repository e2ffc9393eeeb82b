"""The catalogue's events of Live and of translation held against the types of the official SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Required, TypeAlias, get_args, get_origin, get_type_hints

import pytest
from openai.types.live.client_event_param import ClientEventParam
from openai.types.live.connect_client_event_param import ConnectClientEventParam
from openai.types.live.connect_server_event import ConnectServerEvent
from openai.types.live.server_event import ServerEvent
from openai.types.realtime import RealtimeTranslationClientEventParam, RealtimeTranslationServerEvent
from pydantic import BaseModel

from duologue import catalogue
from duologue.catalogue import EventEntry
from tests.compat._live_sdk import CHECKS, Endpoint

Fields: TypeAlias = Mapping[str, bool]
"""Names of fields, and whether each is required."""

LIVE: Final = [entry for entry in catalogue.events() if entry.api == "live"]
TRANSLATION: Final = [entry for entry in catalogue.events() if entry.api == "translation"]
ONLY_BESIDE: Final = {"session.paused", "session.resumed"}
"""Events that only a sideband gets."""
NULL_OR_ABSENT: Final = {
    ("decision.event", name) for name in ("delegation_id", "trigger_id", "source_event_id", "source_event_type")
}
"""Fields that are there and null where they mean nothing, by the JavaScript types; the Python types cannot say so."""


def members(*unions: Any) -> Mapping[str, Fields]:
    """The fields of each event of a union of the SDK, by its wire name."""
    found: dict[str, Fields] = {}
    for union in unions:
        plain = get_args(union)[0] if hasattr(union, "__metadata__") else union
        found |= dict(fields_of(member) for member in get_args(plain))
    return found


def fields_of(member: Any) -> tuple[str, Fields]:
    if issubclass(member, BaseModel):
        fields = {name: field.is_required() for name, field in member.model_fields.items()}
        literal = member.model_fields["type"].annotation
    else:
        hints = get_type_hints(member, include_extras=True)
        fields = {name: get_origin(hint) is Required for name, hint in hints.items()}
        literal = get_args(hints["type"])[0]
    [name] = get_args(literal)
    return name, fields


def listed(entries: list[EventEntry], direction: str) -> Mapping[str, Fields]:
    """The same for the catalogue; what servers were seen to send in addition is left out."""
    return {
        entry.wire: {
            field.name: field.required and (entry.wire, field.name) not in NULL_OR_ABSENT
            for field in entry.fields
            if not field.observed
        }
        for entry in entries
        if entry.direction == direction
    }


def test_the_events_of_a_live_server_and_their_fields_are_those_of_the_sdk() -> None:
    assert listed(LIVE, "server") == members(ServerEvent, ConnectServerEvent)


def test_the_events_of_a_live_client_and_their_fields_are_those_of_the_sdk() -> None:
    assert listed(LIVE, "client") == members(ClientEventParam, ConnectClientEventParam)


def test_the_events_of_translation_and_their_fields_are_those_of_the_sdk() -> None:
    assert listed(TRANSLATION, "server") == members(RealtimeTranslationServerEvent)
    assert listed(TRANSLATION, "client") == members(RealtimeTranslationClientEventParam)


@pytest.mark.parametrize("entry", [e for e in LIVE if e.direction == "server"], ids=lambda entry: entry.wire)
def test_an_example_of_a_live_event_is_what_the_sdk_knows(entry: EventEntry) -> None:
    endpoints: list[Endpoint] = ["sideband"] if entry.wire in ONLY_BESIDE else ["primary", "fork", "sideband"]
    for endpoint in endpoints:
        CHECKS[endpoint](catalogue.examples()[entry.key])


@pytest.mark.parametrize("entry", [e for e in TRANSLATION if e.direction == "server"], ids=lambda entry: entry.wire)
def test_an_example_of_a_translation_event_is_what_the_sdk_knows(entry: EventEntry) -> None:
    CHECKS["translation"](catalogue.examples()[entry.key])
