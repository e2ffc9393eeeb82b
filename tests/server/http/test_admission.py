from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from duologue.server.http.admission import Admission
from duologue.server.http.auth import Keys
from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.session_start import SessionStart
from duologue.server.shared.memory_store import MemoryStore
from duologue.server.shared.store import SharedStore
from tests.server._at_once import at_once
from tests.server._scopes import scope


def admission(
    *keys: str,
    origins: Sequence[str] | None = None,
    models: Sequence[str] = (),
    store: SharedStore | None = None,
    limits: Limits | None = None,
    dialect: str = "openai",
    lenient: bool = False,
) -> Admission:
    return Admission(
        keys=Keys(keys),
        store=MemoryStore() if store is None else store,
        limits=limits or Limits(),
        origins=origins,
        models=models,
        dialect=dialect,
        lenient=lenient,
    )


def turned_away(work: Callable[[], Any]) -> str | None:
    """The name of the rebuff; None for none."""
    try:
        work()
    except Rejection as rejection:
        return rejection.name
    return None


def asked_for(query: str, *, wanted: str, path: str = "/v1/realtime", **settings: Any) -> object:
    """This field of the session start for this query, or the name of the rejection."""
    asked, here = {**scope(query=query), "path": path}, admission(**settings)
    try:
        return getattr(
            at_once(here.session_start_of(asked, at_once(here.principal_of(asked, unix_now_s=0)), now=0)), wanted
        )
    except Rejection as rejection:
        return rejection.name


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
    assert turned_away(lambda: admission().check_origin(scope(headers={"Origin": origin}))) is None


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_without_keys_no_other_page_may_even_where_it_names_itself_as_the_host(origin: str) -> None:
    rebound = scope(headers={"Origin": origin, "Host": origin.rpartition("/")[2]})
    assert turned_away(lambda: admission().check_origin(rebound)) == "origin"


@pytest.mark.parametrize("origin", [*HERE, *ELSEWHERE])
def test_with_keys_the_key_decides_and_not_the_origin(origin: str) -> None:
    assert turned_away(lambda: admission("k").check_origin(scope(headers={"Origin": origin}))) is None


def test_named_origins_are_the_only_ones_and_a_star_is_any() -> None:
    named = admission("k", origins=["https://App.example/"])

    def come(origin: str) -> str | None:
        return turned_away(lambda: named.check_origin(scope(headers={"Origin": origin})))

    assert come("https://app.example") is None
    assert (come("https://app.example:8443"), come(HERE[0])) == ("origin", "origin")
    assert turned_away(lambda: admission(origins=["*"]).check_origin(scope(headers={"Origin": "null"}))) is None


def test_programs_that_are_no_browsers_send_no_origin_and_come_in() -> None:
    assert turned_away(lambda: admission(origins=["https://app.example"]).check_origin(scope())) is None


def test_each_of_several_keys_opens_and_is_counted_for_itself() -> None:
    both = admission("one", "two")
    assert at_once(both.principal_of(scope(query="api_key=two"), unix_now_s=0)).owner == Keys(["two"]).owner_of("two")
    shown = scope(query="api_key=wrong&api-key=one")
    assert at_once(both.principal_of(shown, unix_now_s=0)).owner == Keys(["one"]).owner_of("one")
    assert turned_away(lambda: at_once(both.principal_of(scope(query="api_key=three"), unix_now_s=0))) == "wrong_key"
    assert turned_away(lambda: at_once(both.principal_of(scope(), unix_now_s=0))) == "no_key"
    assert turned_away(lambda: both.owner_of(scope())) == "no_key"


def test_a_client_secret_opens_sessions_but_no_pages_and_counts_for_its_owner() -> None:
    store = MemoryStore()
    session_start = SessionStart(model="m", kind="realtime", message="{}")
    secret = at_once(ClientSecrets(store).make(session_start, owner="key 1", lives_s=10, unix_now_s=0))
    assert secret is not None
    shown = scope(query=f"model=other&intent=transcription&api_key={secret.value}")
    locked = admission("one", store=store)
    principal = at_once(locked.principal_of(shown, unix_now_s=5))
    assert (principal.owner, principal.session_start) == ("key 1", session_start)
    assert at_once(locked.session_start_of(shown, principal, now=0)) == session_start, (
        "what the secret was made for, whatever the query says"
    )
    assert turned_away(lambda: locked.owner_of(shown)) == "wrong_key"
    assert turned_away(lambda: at_once(locked.principal_of(shown, unix_now_s=11))) == "wrong_key"


def test_without_keys_a_secret_still_brings_its_session_and_an_expired_one_is_no_way_around_it() -> None:
    store = MemoryStore()
    secret = at_once(ClientSecrets(store).make(SessionStart(message="{}"), owner="x", lives_s=10, unix_now_s=0))
    assert secret is not None
    shown = scope(headers={"Authorization": f"Bearer {secret.value}"})
    assert at_once(admission(store=store).principal_of(shown, unix_now_s=5)).session_start.message == "{}"
    assert turned_away(lambda: at_once(admission(store=store).principal_of(shown, unix_now_s=11))) == "wrong_key"
    anyone = at_once(admission(store=store).principal_of(scope(headers={"Authorization": "Bearer sk-1"}), unix_now_s=5))
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
        ("intent=", "wrong_intent"),
        ("intent=transcription", "transcription"),
        ("intent=x", "wrong_intent"),
    ],
)
def test_the_intent_of_the_query_is_the_kind_of_the_session(query: str, kind: str) -> None:
    assert asked_for(query, wanted="kind") == kind


TRANSCRIBING = "intent=transcription&model=gpt-4o-transcribe"


@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime", "/openai/realtime"])
def test_a_transcription_session_names_no_model_in_the_query_but_azure_s_clients_their_deployment(path: str) -> None:
    azure = path.startswith("/openai")
    expected = "transcription" if azure else "model_of_transcription"
    assert asked_for(TRANSCRIBING, wanted="kind", path=path) == expected
    assert (
        asked_for("intent=transcription&deployment=scribe", wanted="kind", path="/openai/realtime") == "transcription"
    )
    assert asked_for("intent=transcription&model=", wanted="kind") == "transcription"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-transcribe", "model_of_another_kind"),
        ("gpt-4o-mini-transcribe-2025-12-15", "model_of_another_kind"),
        ("whisper-1", "model_of_another_kind"),
        ("gpt-realtime-whisper", "model_of_another_kind"),
        ("gpt-live-transcribe", "model_of_another_kind"),
        ("gpt-realtime-translate", "model_of_another_kind"),
        ("gpt-live-1", "model_of_another_kind"),
        ("gpt-realtime", "gpt-realtime"),
        ("gpt-realtime-2.1", "gpt-realtime-2.1"),
        ("gpt-realtime-mini", "gpt-realtime-mini"),
        ("gpt-4o-realtime-preview-2025-06-03", "gpt-4o-realtime-preview-2025-06-03"),
        ("llama-3", "llama-3"),
    ],
)
def test_a_model_of_another_kind_of_session_answers_nobody_and_is_refused(model: str, expected: str) -> None:
    assert asked_for(f"model={model}", wanted="model") == expected


def test_a_name_that_the_operator_serves_is_served_whatever_it_is_at_the_hosted_service() -> None:
    assert asked_for("model=whisper-1", wanted="model", models=["whisper-1"]) == "whisper-1"


def test_where_models_are_named_a_transcription_session_still_needs_none() -> None:
    assert asked_for("intent=transcription", wanted="kind", models=["m"]) == "transcription"


@pytest.mark.parametrize(
    "settings", [{"lenient": True}, {"dialect": "localai"}, {"dialect": "speaches"}, {"dialect": "xai"}]
)
@pytest.mark.parametrize(
    ("query", "kind"),
    [(TRANSCRIBING, "transcription"), ("intent=", "realtime"), ("intent=conversation", "realtime"), ("", "realtime")],
)
def test_lenient_and_other_servers_take_what_the_hosted_service_refuses(
    settings: dict[str, Any], query: str, kind: str
) -> None:
    assert asked_for(query, wanted="kind", **settings) == kind
    assert asked_for("model=whisper-1", wanted="model", **settings) == "whisper-1"


def test_a_key_may_open_so_many_sessions_a_minute() -> None:
    busy = admission("one", "two", limits=Limits(sessions_per_minute=2))

    def come(key: str, now: float) -> str | None:
        asked = scope(query=f"api_key={key}")
        principal = at_once(busy.principal_of(asked, unix_now_s=0))
        return turned_away(lambda: at_once(busy.session_start_of(asked, principal, now=now)))

    assert [come("one", 0), come("one", 0), come("one", 0), come("two", 0)] == [None, None, "rate", None]
    assert come("one", 31) is None


class Unreachable(MemoryStore):
    """A store whose server is down."""

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        raise Rejection("no_store")


def test_wrong_keys_are_counted_for_all_that_have_the_same_store() -> None:
    store, limits = MemoryStore(), Limits(wrong_keys_per_minute=3)
    workers = [admission("one", store=store, limits=limits) for _ in range(2)]
    waits = [at_once(workers[number % 2].delay_s(Rejection("wrong_key"), scope(), now=0)) for number in range(5)]
    assert waits == [0, 0, 0, 1, 1]
    assert at_once(workers[0].delay_s(Rejection("no_key"), scope(), now=0)) == 0
    assert at_once(workers[0].delay_s(Rejection("wrong_key"), scope(), now=20)) == 0, "one more after a third of it"


def test_wrong_keys_are_slowed_while_the_store_is_down_and_never_without_a_limit() -> None:
    down = admission("one", store=Unreachable(), limits=Limits(wrong_keys_per_minute=3))
    assert at_once(down.delay_s(Rejection("wrong_key"), scope(), now=0)) == 1
    free = admission("one", store=Unreachable(), limits=Limits(wrong_keys_per_minute=None))
    assert at_once(free.delay_s(Rejection("wrong_key"), scope(), now=0)) == 0
