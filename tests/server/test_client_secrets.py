from __future__ import annotations

from duologue.server.client_secrets import ClientSecrets
from duologue.server.opening import Opening

OPENING = Opening(model="m", message='{"type":"session.update"}')


def test_a_secret_opens_what_it_was_made_for_until_it_expires() -> None:
    secrets = ClientSecrets(most=10)
    secret = secrets.make(OPENING, owner="key 1", lives_s=10, unix_now_s=1000.5)
    assert secret is not None
    assert secret.value.startswith("ek_")
    assert secret.expires_at == 1010
    assert secrets.find(secret.value, unix_now_s=1010.4) == ("key 1", OPENING)
    assert secrets.find(secret.value, unix_now_s=1010.5) is None
    assert secrets.find(f"{secret.value}x", unix_now_s=1001) is None
    assert secrets.find("", unix_now_s=1001) is None


def test_no_two_secrets_are_alike_and_neither_is_kept_or_shown() -> None:
    secrets = ClientSecrets(most=10)
    one, two = (secrets.make(OPENING, owner="key 1", lives_s=10, unix_now_s=0) for _ in range(2))
    assert one is not None
    assert two is not None
    assert one.value != two.value
    assert one.value not in f"{one!r} {secrets!r} {vars(secrets)}"


def test_only_so_many_live_at_once_and_those_that_expire_make_room() -> None:
    secrets = ClientSecrets(most=2)
    assert secrets.make(OPENING, owner="a", lives_s=10, unix_now_s=0)
    assert secrets.make(OPENING, owner="a", lives_s=99, unix_now_s=0)
    assert secrets.make(OPENING, owner="a", lives_s=10, unix_now_s=5) is None
    assert secrets.make(OPENING, owner="a", lives_s=10, unix_now_s=10)
