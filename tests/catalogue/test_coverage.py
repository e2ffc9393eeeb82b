"""Every event, type and field of the catalogue has a home in the classes, and the other way round, or a reason."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any, Final, get_args

from duologue import catalogue, events
from duologue.codec import EVENT_CLASSES, decode, encode
from duologue.codec.families import TRANSLATION_CLASSES, decode_translation, encode_translation
from duologue.codec.known import own_classes
from duologue.codec.live import LIVE_CLASSES, decode_live, encode_live
from duologue.dialects.names import CANONICAL
from duologue.events import azure_voice_live, live
from tests.catalogue._comparison import Difference, classes, differences, homes

CODECS: Final[Mapping[str, tuple[Callable[[str | bytes], Any], Callable[[Any], bytes]]]] = {
    "realtime": (decode, encode),
    "translation": (decode_translation, encode_translation),
    "live": (decode_live, encode_live),
    "azure-voice-live": (
        partial(decode, dialect="azure-voice-live"),
        partial(encode, dialect="azure-voice-live"),
    ),
}


def divergences() -> list[dict[str, Any]]:
    text = files("duologue.catalogue").joinpath("DIVERGENCES.toml").read_text(encoding="utf-8")
    listed: list[dict[str, Any]] = tomllib.loads(text)["divergence"]
    return listed


def listed_differences() -> list[Difference]:
    return [Difference(entry["kind"], place) for entry in divergences() for place in entry["at"]]


def test_catalogue_and_classes_differ_only_where_a_divergence_says_why() -> None:
    assert sorted(set(differences()) - set(listed_differences())) == []


def test_every_divergence_still_exists() -> None:
    assert sorted(set(listed_differences()) - set(differences())) == []


def test_a_divergence_is_listed_once_and_has_a_reason() -> None:
    assert [place for place, times in Counter(listed_differences()).items() if times > 1] == []
    assert [entry for entry in divergences() if len(entry["reason"]) < 20] == []


def test_the_catalogue_has_every_event_of_all_families_and_no_other() -> None:
    assert len(catalogue.events()) == len({entry.key for entry in catalogue.events()})
    unions = {
        ("realtime", "server"): events.AnyServerEvent,
        ("realtime", "client"): events.AnyClientEvent,
        ("translation", "server"): events.AnyTranslationServerEvent,
        ("translation", "client"): events.AnyTranslationClientEvent,
        ("azure-voice-live", "server"): azure_voice_live.AnyVoiceLiveServerEvent,
        ("azure-voice-live", "client"): azure_voice_live.AnyVoiceLiveClientEvent,
        ("live", "server"): live.AnyLiveServerEvent,
        ("live", "client"): live.AnyLiveClientEvent,
    }
    for (api, direction), union in unions.items():
        listed = [e.class_name for e in catalogue.events() if (e.api, e.direction) == (api, direction)]
        assert sorted(listed) == sorted(cls.__name__ for cls in get_args(union))


def test_an_event_has_the_wire_name_of_its_class() -> None:
    codecs: dict[str, Any] = {
        "realtime": EVENT_CLASSES,
        "translation": TRANSLATION_CLASSES,
        "live": LIVE_CLASSES,
        "azure-voice-live": own_classes("azure-voice-live"),
    }
    assert {entry.key: entry.class_name for entry in catalogue.events()} == {
        entry.key: codecs[entry.api][entry.wire].__name__ for entry in catalogue.events()
    }


def test_aliases_are_those_that_decoding_knows() -> None:
    assert {alias: entry.wire for entry in catalogue.events() for alias in entry.aliases} == CANONICAL


def test_answers_and_successors_are_events_too() -> None:
    names = {(entry.api, entry.wire) for entry in catalogue.events()}
    named = {
        (entry.api, name)
        for entry in catalogue.events()
        for name in (*entry.answers, *([] if entry.now is None else [entry.now]))
    }
    assert named - names == set()


def test_every_group_has_events() -> None:
    assert list(catalogue.GROUPS) == list(dict.fromkeys(entry.group for entry in catalogue.events()))


def test_the_comparison_sees_all_classes_and_types() -> None:
    assert len(classes()) > 130
    assert len(catalogue.types()) > 130


def test_a_field_that_may_be_absent_may_be_null() -> None:
    strict = {
        f"{name}.{field}"
        for name, cls in classes().items()
        for field, home in homes(cls).items()
        if not home.required and not home.values & {None, "Any"}
    }
    assert strict == set()


def test_every_event_has_an_example_without_extra_fields() -> None:
    assert list(catalogue.examples()) == [entry.key for entry in catalogue.events()]
    for entry in catalogue.events():
        assert {field.name for field in entry.fields} >= set(catalogue.examples()[entry.key])


def test_every_example_reads_as_its_class_and_comes_back_the_same() -> None:
    for entry in catalogue.events():
        read, write = CODECS[entry.api]
        event: Any = read(catalogue.example_text(entry))
        assert read(write(event)) == event
        assert (type(event).__name__, dict(event.extra), event.to_json()) == documented(entry)


def documented(entry: catalogue.EventEntry) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return entry.class_name, {}, catalogue.examples()[entry.key]


def test_an_event_is_found_by_wire_name_by_alias_and_by_class() -> None:
    (text,) = catalogue.events_named("response.output_text.delta")
    assert catalogue.events_named("response.text.delta") == (text,)
    assert catalogue.events_named("ResponseTextDeltaEvent") == (text,)
    assert [entry.api for entry in catalogue.events_named("session.update")] == ["realtime", "translation", "live"]
    assert catalogue.events_named("nothing") == ()
