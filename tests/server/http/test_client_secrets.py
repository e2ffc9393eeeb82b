from __future__ import annotations

from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.session_start import SessionStart
from duologue.server.shared.memory_store import MemoryStore
from tests.server._at_once import at_once

SESSION_START = SessionStart(model="m", message='{"type":"session.update"}')


def test_a_secret_opens_what_it_was_made_for_until_it_expires() -> None:
    secrets = ClientSecrets(MemoryStore())
    secret = at_once(secrets.make(SESSION_START, owner="key 1", lives_s=10, unix_now_s=1000.5))
    assert secret.value.startswith("ek_")
    assert secret.expires_at == 1010
    assert at_once(secrets.find(secret.value, unix_now_s=1010.4)) == ("key 1", SESSION_START)
    assert at_once(secrets.find(secret.value, unix_now_s=1010.5)) is None
    assert at_once(secrets.find(f"{secret.value}x", unix_now_s=1001)) is None
    assert at_once(secrets.find("", unix_now_s=1001)) is None


def test_no_two_secrets_are_alike_and_neither_is_kept_or_shown() -> None:
    store = MemoryStore()
    secrets = ClientSecrets(store)
    one, two = (at_once(secrets.make(SESSION_START, owner="key 1", lives_s=10, unix_now_s=0)) for _ in range(2))
    assert one.value != two.value
    assert one.value not in f"{one!r} {secrets!r} {vars(store)}"


def test_expired_secrets_leave_the_store() -> None:
    store = MemoryStore()
    secrets = ClientSecrets(store)
    at_once(secrets.make(SESSION_START, owner="key 1", lives_s=10, unix_now_s=0))
    secrets.drop_expired(10)
    assert len(store) == 0
