from __future__ import annotations

import pytest

from duologue.server.budget import Budget
from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.rejections import Rejection
from duologue.server.session_start import SessionStart

MIB = 1024 * 1024


def secrets_of(
    *, max_secrets: int = 10, max_bytes: int = MIB, max_owner_bytes: int = MIB, budget: Budget | None = None
) -> ClientSecrets:
    budget = budget or Budget(max_bytes=MIB, max_owner_bytes=MIB)
    return ClientSecrets(max_secrets=max_secrets, max_bytes=max_bytes, max_owner_bytes=max_owner_bytes, budget=budget)


SESSION_START = SessionStart(model="m", message='{"type":"session.update"}')


def test_a_secret_opens_what_it_was_made_for_until_it_expires() -> None:
    secrets = secrets_of()
    secret = secrets.make(SESSION_START, owner="key 1", lives_s=10, unix_now_s=1000.5)
    assert secret.value.startswith("ek_")
    assert secret.expires_at == 1010
    assert secrets.find(secret.value, unix_now_s=1010.4) == ("key 1", SESSION_START)
    assert secrets.find(secret.value, unix_now_s=1010.5) is None
    assert secrets.find(f"{secret.value}x", unix_now_s=1001) is None
    assert secrets.find("", unix_now_s=1001) is None


def test_no_two_secrets_are_alike_and_neither_is_kept_or_shown() -> None:
    secrets = secrets_of()
    one, two = (secrets.make(SESSION_START, owner="key 1", lives_s=10, unix_now_s=0) for _ in range(2))
    assert one.value != two.value
    assert one.value not in f"{one!r} {secrets!r} {vars(secrets)}"


def test_only_so_many_live_at_once_and_those_that_expire_make_room() -> None:
    secrets = secrets_of(max_secrets=2)
    secrets.make(SESSION_START, owner="a", lives_s=10, unix_now_s=0)
    secrets.make(SESSION_START, owner="a", lives_s=99, unix_now_s=0)
    with pytest.raises(Rejection, match="No more client secrets"):
        secrets.make(SESSION_START, owner="a", lives_s=10, unix_now_s=5)
    secrets.make(SESSION_START, owner="a", lives_s=10, unix_now_s=10)


LARGE = SessionStart(message="x" * 100_000)


def test_secrets_of_one_key_hold_so_much_and_those_of_another_are_made_all_the_same() -> None:
    secrets = secrets_of(max_bytes=350_000, max_owner_bytes=250_000)
    for _ in range(2):
        secrets.make(LARGE, owner="key 1", lives_s=10, unix_now_s=0)
    with pytest.raises(Rejection, match="250000 bytes") as refused:
        secrets.make(LARGE, owner="key 1", lives_s=10, unix_now_s=0)
    assert (refused.value.http_status, refused.value.error.code) == (429, "rate_limit_exceeded")
    secrets.make(LARGE, owner="key 2", lives_s=10, unix_now_s=0)
    with pytest.raises(Rejection) as full:
        secrets.make(LARGE, owner="key 3", lives_s=10, unix_now_s=0)
    assert (full.value.http_status, full.value.error.code) == (503, "server_overloaded")


def test_secrets_that_have_expired_are_dropped_as_time_passes_and_not_only_when_there_is_no_room() -> None:
    budget = Budget(max_bytes=MIB, max_owner_bytes=MIB)
    secrets = secrets_of(budget=budget)
    for lives_s in (10, 30, 20):
        secrets.make(LARGE, owner="key 1", lives_s=lives_s, unix_now_s=0)
    assert budget.held["client_secrets"] > 300_000
    secrets.find("ek_unknown", unix_now_s=10)
    assert len(secrets) == 2
    secrets.drop_expired(20)
    assert len(secrets) == 1
    secrets.drop_expired(30)
    assert (len(secrets), budget.total_bytes, dict(budget.owners)) == (0, 0, {})


def test_a_secret_counts_in_its_owner_s_share_of_the_server_s_memory() -> None:
    budget = Budget(max_bytes=MIB, max_owner_bytes=150_000)
    secrets = secrets_of(budget=budget)
    secrets.make(LARGE, owner="key 1", lives_s=10, unix_now_s=0)
    with pytest.raises(Rejection) as refused:
        secrets.make(LARGE, owner="key 1", lives_s=10, unix_now_s=0)
    assert (refused.value.name, len(secrets)) == ("owner_full", 1)
