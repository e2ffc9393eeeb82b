"""What to do about a refusal."""

from __future__ import annotations

import pytest

from duologue.cli.doctor.remedies import NO_UPGRADE, refusal_remedy
from duologue.cli.doctor.target import target_of_url
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (AuthenticationFailed("x", retryable=False), "check the key"),
        (ModelNotFound("x", retryable=False), "name another model"),
        (ConnectFailed("x", retryable=False, status=200), "check the path"),
        (ConnectFailed("x", retryable=False, status=302), "connect to the address"),
        (ConnectFailed("x", retryable=False, status=418), "read what the server says"),
        (ConnectFailed("x", retryable=False), "look at the server's log"),
    ],
)
def test_each_refusal_has_something_to_do(fault: ConnectFailed, remedy: str) -> None:
    target = target_of_url("localhost:1", dialect="auto", api_key="k", model="m")
    assert refusal_remedy(fault, target).startswith(remedy)


def test_without_a_key_or_a_model_it_is_to_be_named() -> None:
    target = target_of_url("localhost:1", dialect="auto")
    assert "--api-key" in refusal_remedy(AuthenticationFailed("x", retryable=False), target)
    assert (
        refusal_remedy(ModelNotFound("x", retryable=False), target) == "name a model that the server has: --model NAME"
    )


def test_a_page_behind_a_proxy_is_the_proxys_doing() -> None:
    target = target_of_url("localhost:1", dialect="auto")
    assert refusal_remedy(ConnectFailed("x", retryable=False, status=200), target, ["via: squid"]) == NO_UPGRADE
