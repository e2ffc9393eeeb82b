from __future__ import annotations

from duologue.protocol import SessionDefaults
from duologue.protocol.live.server import LiveDefaults
from duologue.server import Limits
from duologue.server.live.live_settings import live_defaults


def test_a_server_that_was_not_configured_has_the_defaults_of_live() -> None:
    assert live_defaults(SessionDefaults(), Limits()) == LiveDefaults()


def test_what_the_operator_changed_holds_for_live_too() -> None:
    changed = live_defaults(
        SessionDefaults(voice="heart", instructions="Be kind.", max_event_bytes=1_000, max_items=5), Limits(idle_s=10)
    )
    assert (changed.voice, changed.instructions, changed.max_event_bytes) == ("heart", "Be kind.", 1_000)
    assert changed.starve_s == 10


def test_a_client_without_input_is_not_kept_longer_than_live_has_it() -> None:
    assert live_defaults(SessionDefaults(), Limits(idle_s=None)).starve_s == LiveDefaults().starve_s
    assert live_defaults(SessionDefaults(), Limits(idle_s=500)).starve_s == LiveDefaults().starve_s
