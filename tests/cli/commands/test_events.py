"""`duologue events`."""

from __future__ import annotations

import json

import pytest

from duologue import catalogue
from duologue.cli.commands.events import DialectSpelling, spellings
from tests.cli.conftest import Command


def entry(name: str) -> catalogue.EventEntry:
    return catalogue.events_named(name)[0]


def test_the_list_has_every_event_with_its_class(command: Command) -> None:
    rows = [line.split() for line in command("events").out.splitlines() if line.startswith("  ")]
    assert rows == [[entry.direction, entry.wire, entry.class_name] for entry in catalogue.events()]


@pytest.mark.parametrize("name", ["response.output_text.delta", "response.text.delta", "ResponseTextDeltaEvent"])
def test_an_event_is_found_by_any_of_its_names(name: str, command: Command) -> None:
    shown = command("events", name).out
    assert shown.startswith("response.output_text.delta  (server event, realtime)\n")
    assert "class    duologue.events.ResponseTextDeltaEvent" in shown
    assert "era      GA since 2025-09-02, beta since 2024-12-17" in shown
    assert "aliases  response.text.delta" in shown
    assert [line.split()[:3] for line in shown.splitlines() if "output_index" in line] == [
        ["output_index", "int", "required"]
    ]
    assert "  openai-beta: response.text.delta\n" in shown


def test_a_name_of_both_families_shows_both(command: Command) -> None:
    shown = command("events", "session.update").out
    assert "session.update  (client event, realtime)" in shown
    assert "session.update  (client event, translation)" in shown


@pytest.mark.parametrize("name", ["RealtimeResponse", "AnySession", *list(catalogue.types())[-3:]])
def test_a_type_inside_events_is_described(name: str, command: Command) -> None:
    shown = command("events", name).out
    assert shown.startswith(f"{name}  (type inside events)\n")
    for field in catalogue.types()[name].fields:
        assert f"    {field.name} " in shown


def test_an_event_names_the_types_that_have_its_fields(command: Command) -> None:
    assert "`duologue events RealtimeResponse` has the fields of response" in command("events", "response.done").out
    (usage,) = [line for line in command("events", "RealtimeResponse").out.splitlines() if line.startswith("    usage")]
    assert usage.split()[1] in catalogue.types()


def test_a_type_as_json_has_its_fields(command: Command) -> None:
    read = json.loads(command("events", "RealtimeResponse", "--json").out)
    assert read["events"] == []
    assert "usage" in [field["name"] for field in read["types"][0]["fields"]]


def test_json_has_fields_an_example_and_dialects(command: Command) -> None:
    (event,) = json.loads(command("events", "response.output_audio.delta", "--json").out)["events"]
    assert event["class"] == "ResponseAudioDeltaEvent"
    assert [field["name"] for field in event["fields"]][:2] == ["type", "event_id"]
    assert event["example"]["type"] == "response.output_audio.delta"
    assert "openai-beta" in [dialect["dialect"] for dialect in event["dialects"]]


def test_the_list_as_json_is_one_object(command: Command) -> None:
    assert len(json.loads(command("events", "--json").out)["events"]) == len(catalogue.events())


def test_a_name_that_no_event_has_is_one_sentence_with_a_guess(command: Command) -> None:
    shown = command("events", "respons.done", code=2)
    assert shown.out == ""
    assert shown.err == (
        "duologue: there is no event 'respons.done'; did you mean response.done? duologue events lists all\n"
    )
    assert "did you mean" not in command("events", "zzzzzzzz", code=2).err


def test_a_spelling_is_derived_from_the_example() -> None:
    by_dialect = {spelling.dialect: spelling for spelling in spellings(entry("session.update"))}
    assert "openai" not in by_dialect
    beta = by_dialect["openai-beta"]
    assert beta.name == "session.update"
    assert beta.moved["session.voice"] == "session.audio.output.voice"
    assert "session.type" in beta.fewer


def test_an_event_that_a_dialect_lacks_has_no_name() -> None:
    assert DialectSpelling(dialect="openai-beta", name=None) in spellings(entry("conversation.item.added"))


def test_the_translation_family_has_no_dialects() -> None:
    assert spellings(entry("session.closed")) == ()


def test_a_class_is_named_by_the_module_that_has_it(command: Command) -> None:
    assert "class    duologue.events.live.LiveSessionStartedEvent" in command("events", "session.started").out
