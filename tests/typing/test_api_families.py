"""The typed API of the other families can be imported; the type checkers of `make check` read the rest."""

from __future__ import annotations

import inspect
from typing import get_args

from duologue import events
from duologue.events import live
from tests.typing import api_families as api


def test_every_class_of_a_closed_union_is_matched() -> None:
    for function, union in (
        (api.every_live_server_event, live.AnyLiveServerEvent),
        (api.every_live_client_event, live.AnyLiveClientEvent),
        (api.every_translation_server_event, events.AnyTranslationServerEvent),
        (api.every_translation_client_event, events.AnyTranslationClientEvent),
    ):
        assert [cls.__name__ for cls in get_args(union) if f".{cls.__name__}(" not in inspect.getsource(function)] == []
