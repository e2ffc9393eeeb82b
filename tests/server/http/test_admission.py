from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from duologue.server.http.admission import Door
from duologue.server.http.auth import Keys
from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.limits import Limits
from duologue.server.rejections import Rebuff
from duologue.server.session_start import Opening
from tests.server._scopes import scope


def door(
    *keys: str,
    origins: Sequence[str] | None = None,
    models: Sequence[str] = (),
    secrets: ClientSecrets | None = None,
    limits: Limits | None = None,
) -> Door:
    return Door(
        keys=Keys(keys),
        secrets=secrets or ClientSecrets(most=10),
        limits=limits or Limits(),
        origins=origins,
        models=models,
    )


def turned_away(work: Callable[[], Any]) -> str | None:
    """The name of the rebuff; None for none."""
    try:
        work()
    except Rebuff as rebuff:
        return rebuff.name
    return None


def asked_for(query: str, *, models: Sequence[str] = (), wanted: str) -> object:
    """This of the opening that somebody with this query gets, or the name of the rebuff."""
    asked, here = scope(query=query), door(models=models)
    try:
        return getattr(here.opening_of(asked, here.guest_of(asked, unix_now_s=0), now=0), wanted)
    except Rebuff as rebuff:
        return rebuff.name


HERE = ["http://localhost", "http://localhost:3000", "http://127.0.0.1:8000", "https://[::1]", "http://app.localhost"]
ELSEWHERE = [
    "https://evil.example",
    "http://127.0.0.1.evil.example",
    "null",
    "http://localhost.evil.example",
    "file://",
]


@pytest.mark.parametrize("origin", HERE)
def test_without_keys_pages_of_this_machine_may_come_in(origin: str) -> None:
    assert turned_away(lambda: door().check_origin(scope(headers={"Origin": origin}))) is None


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_without_keys_no_other_page_may_even_where_it_names_itself_as_the_host(origin: str) -> None:
    rebound = scope(headers={"Origin": origin, "Host": origin.rpartition("/")[2]})
    assert turned_away(lambda: door().check_origin(rebound)) == "origin"


@pytest.mark.parametrize("origin", [*HERE, *ELSEWHERE])
def test_with_keys_the_key_decides_and_not_the_origin(origin: str) -> None:
    assert turned_away(lambda: door("k").check_origin(scope(headers={"Origin": origin}))) is None


def test_named_origins_are_the_only_ones_and_a_star_is_any() -> None:
    named = door("k", origins=["https://App.example/"])

    def come(origin: str) -> str | None:
        return turned_away(lambda: named.check_origin(scope(headers={"Origin": origin})))

    assert come("https://app.example") is None
    assert (come("https://app.example:8443"), come(HERE[0])) == ("origin", "origin")
    assert turned_away(lambda: door(origins=["*"]).check_origin(scope(headers={"Origin": "null"}))) is None


def test_programs_that_are_no_browsers_send_no_origin_and_come_in() -> None:
    assert turned_away(lambda: door(origins=["https://app.example"]).check_origin(scope())) is None


def test_each_of_several_keys_opens_and_is_counted_for_itself() -> None:
    both = door("one", "two")
    assert both.guest_of(scope(query="api_key=two"), unix_now_s=0).owner == "key 2"
    assert both.guest_of(scope(query="api_key=wrong&api-key=one"), unix_now_s=0).owner == "key 1"
    assert turned_away(lambda: both.guest_of(scope(query="api_key=three"), unix_now_s=0)) == "wrong_key"
    assert turned_away(lambda: both.guest_of(scope(), unix_now_s=0)) == "no_key"
    assert turned_away(lambda: both.owner_of(scope())) == "no_key"


def test_a_client_secret_opens_sessions_but_no_pages_and_counts_for_whoever_made_it() -> None:
    secrets = ClientSecrets(most=10)
    opening = Opening(model="m", kind="realtime", message="{}")
    secret = secrets.make(opening, owner="key 1", lives_s=10, unix_now_s=0)
    assert secret is not None
    shown = scope(query=f"model=other&intent=transcription&api_key={secret.value}")
    locked = door("one", secrets=secrets)
    guest = locked.guest_of(shown, unix_now_s=5)
    assert (guest.owner, guest.opening) == ("key 1", opening)
    assert locked.opening_of(shown, guest, now=0) == opening, "what the secret was made for, whatever the query says"
    assert turned_away(lambda: locked.owner_of(shown)) == "wrong_key"
    assert turned_away(lambda: locked.guest_of(shown, unix_now_s=11)) == "wrong_key"


def test_without_keys_a_secret_still_brings_its_session_and_an_expired_one_is_no_way_around_it() -> None:
    secrets = ClientSecrets(most=10)
    secret = secrets.make(Opening(message="{}"), owner="x", lives_s=10, unix_now_s=0)
    assert secret is not None
    shown = scope(headers={"Authorization": f"Bearer {secret.value}"})
    assert door(secrets=secrets).guest_of(shown, unix_now_s=5).opening.message == "{}"
    assert turned_away(lambda: door(secrets=secrets).guest_of(shown, unix_now_s=11)) == "wrong_key"
    anyone = door(secrets=secrets).guest_of(scope(headers={"Authorization": "Bearer sk-1"}), unix_now_s=5)
    assert anyone.owner == "address 192.0.2.7"


@pytest.mark.parametrize(
    ("models", "query", "expected"),
    [
        ([], "", None),
        ([], "model=", None),
        ([], "model=any", "any"),
        (["a", "b"], "model=b", "b"),
        (["a", "b"], "model=c", "wrong_model"),
        (["a", "b"], "", "no_model"),
        (["a", "b"], "model=", "no_model"),
    ],
)
def test_models_are_any_or_those_that_are_named(models: list[str], query: str, expected: str | None) -> None:
    assert asked_for(query, models=models, wanted="model") == expected


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "realtime"),
        ("intent=", "realtime"),
        ("intent=transcription", "transcription"),
        ("intent=x", "wrong_intent"),
    ],
)
def test_the_intent_of_the_query_is_the_kind_of_the_session(query: str, kind: str) -> None:
    assert asked_for(query, wanted="kind") == kind


def test_a_key_may_open_so_many_sessions_a_minute() -> None:
    busy = door("one", "two", limits=Limits(sessions_per_minute=2))

    def come(key: str, now: float) -> str | None:
        asked = scope(query=f"api_key={key}")
        guest = busy.guest_of(asked, unix_now_s=0)
        return turned_away(lambda: busy.opening_of(asked, guest, now=now))

    assert [come("one", 0), come("one", 0), come("one", 0), come("two", 0)] == [None, None, "rate", None]
    assert come("one", 31) is None
