"""Which servers `load` and `gate` call at once, and which ones only with `--i-pay`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.load_endpoint import CallsOptions, target_of
from duologue.load import is_own_network
from duologue.testing.virtual_time import run_in_virtual_time
from tests.server._listening import listening, scripted_app


@pytest.mark.parametrize(
    ("addresses", "own"),
    [
        (["127.0.0.1"], True),
        (["::1"], True),
        (["10.1.2.3", "fd00::1"], True),
        (["192.168.0.7"], True),
        (["8.8.8.8"], False),
        (["10.1.2.3", "8.8.8.8"], False),
        (["2606:4700::1111"], False),
    ],
)
def test_a_server_is_ones_own_if_all_its_addresses_are_private(
    addresses: Sequence[str], own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> bool:
        async def found(*arguments: Any, **options: Any) -> list[Any]:
            return [(None, None, None, None, (address, 0)) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        return await is_own_network("wss://voice.example/v1/realtime")

    assert asyncio.run(main()) is own


def test_another_ones_server_is_not_called_before_somebody_agrees_to_pay(capsys: pytest.CaptureFixture[str]) -> None:
    async def call(**options: Any) -> None:
        async with target_of("wss://203.0.113.7/v1/realtime", CallsOptions(**options), call_minutes=12):
            raise AssertionError

    with pytest.raises(UsageError, match=r"may bill these calls: about 12 minutes of calls.*Add --i-pay"):
        asyncio.run(call())
    assert capsys.readouterr().err == ""


def test_with_faults_the_way_leads_through_a_proxy_of_this_process() -> None:
    async def main() -> tuple[int, int]:
        async with listening(scripted_app()) as url:
            options = CallsOptions(fault=("latency ms=10",))
            async with target_of(url, options, call_minutes=1) as target:
                return int(url.rpartition(":")[2].partition("/")[0]), target.place.port

    served, called = run_in_virtual_time(main())
    assert served != called


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"barge_in": 1.5}, "--barge-in is a share"),
        ({"frames": "1ms"}, "--frames is from 5ms"),
        ({"frames": "soon"}, "--frames is a duration"),
        ({"audio": Path("/nowhere/at/all")}, "there is no folder"),
        ({"dialect": "esperanto"}, "there is no dialect"),
        ({"fault": ("earthquake",)}, "--fault: "),
        ({"answer_within": "0s"}, "--answer-within is a duration"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CallsOptions(**options).check()
