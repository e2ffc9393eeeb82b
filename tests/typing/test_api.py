"""The typed API can be imported; the type checkers of `make check` read the rest."""

from __future__ import annotations

import inspect
from typing import get_args

from duologue import events, notices
from duologue.protocol.server import commands
from duologue.protocol.server import turn_detection as turns
from tests.typing import api


def test_the_typed_api_imports_and_names_every_event_of_the_unions() -> None:
    for function, union in (
        (api.every_server_event, events.AnyServerEvent),
        (api.every_client_event, events.AnyClientEvent),
    ):
        assert [
            cls.__name__ for cls in get_args(union) if f"events.{cls.__name__}(" not in inspect.getsource(function)
        ] == []


def test_the_closed_unions_of_the_protocol_are_matched_to_their_last_member() -> None:
    for function, union in (
        (api.every_notice, notices.Notice),
        (api.every_live_notice, notices.LiveNotice),
        (api.every_command, commands.Command),
        (api.every_turn_event, turns.TurnEvent),
    ):
        assert [cls.__name__ for cls in get_args(union) if f".{cls.__name__}(" not in inspect.getsource(function)] == []
