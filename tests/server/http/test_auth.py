from __future__ import annotations

from typing import Any

import pytest

from duologue.server.http.auth import Keys, header, presented_keys, shows_two_keys
from tests.server._scopes import scope


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        (scope(), []),
        (scope(headers={"Authorization": "Bearer  k "}), ["k"]),
        (scope(headers={"Authorization": "bEARER k"}), ["k"]),
        (scope(headers={"Authorization": "Basic k"}), []),
        (scope(headers={"api-key": "k"}), ["k"]),
        (scope(query="api-key=k&model=m"), ["k"]),
        (scope(query="api_key=k%2Fl"), ["k/l"]),
        (scope(query="api_key="), [""]),
        (scope(subprotocols=["realtime", "openai-insecure-api-key.k.l"]), ["k.l"]),
        (scope(subprotocols=["realtime", "k"]), []),
        (scope(query="api_key=a", headers={"api-key": "b", "Authorization": "Bearer c"}), ["c", "b", "a"]),
        (scope(query="\u00fc"), []),
    ],
    ids=lambda value: None,
)
def test_a_key_is_found_wherever_clients_put_it(request_: dict[str, Any], keys: list[str]) -> None:
    assert presented_keys(request_) == keys


def test_a_key_is_known_by_its_digest_in_whatever_order_and_another_by_none() -> None:
    keys = Keys(["one", "two", "drei\u00df"])
    assert [keys.owner_of(key) for key in ("one", "two", "drei\u00df", "on", "onee", "", "ONE", "\ud800")] == [
        "key 7692c3ad",
        "key 3fc4ccfe",
        "key 777619cc",
        *[None] * 5,
    ]
    assert Keys(["two", "one"]).owner_of("one") == "key 7692c3ad"
    assert len(keys) == 3


@pytest.mark.parametrize("keys", [[""], ["k", " "]])
def test_an_empty_key_opens_nothing_and_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="a key is empty"):
        Keys(keys)


def test_keys_are_shown_by_nothing_that_holds_them() -> None:
    keys = Keys(["sesame"])
    assert "sesame" not in f"{keys!r} {vars(keys)}"


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        ({"headers": [(b"authorization", b"Bearer a"), (b"Authorization", b"Bearer b")]}, True),
        ({"headers": [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]}, True),
        ({"headers": [(b"api-key", b"a"), (b"api-key", b"b")]}, True),
        ({"headers": [(b"api-key", b"a"), (b"authorization", b"Bearer b")]}, False),
        ({"headers": [(b"x", b"a"), (b"x", b"b")]}, False),
        (scope(query="api-key=a&api-key=b"), True),
        (scope(query="api-key=a&api-key=a"), False),
        (scope(query="api-key=a&api_key=b"), False),
        (scope(subprotocols=["openai-insecure-api-key.a", "openai-insecure-api-key.b"]), True),
        (scope(subprotocols=["realtime", "openai-insecure-api-key.a"]), False),
    ],
)
def test_a_request_that_shows_keys_twice_in_the_same_way_is_noticed(request_: dict[str, Any], refused: bool) -> None:
    assert shows_two_keys(request_) is refused


def test_the_last_of_several_headers_counts() -> None:
    assert header({"headers": [(b"X-A", b"1"), (b"x-a", b"2")]}, "x-a") == "2"
    assert header({"headers": []}, "x-a") is None
