"""The function by which a model transfers a call."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.errors import ConnectFailed
from duologue.protocol.client.tools.functions import ToolFunction
from duologue.telephony.control.transfers import transfer_function

_TARGETS = {"sales": "+15551230042", "night desk": "+15551230043"}


async def _to(to: str) -> str:
    return f"asked for {to}"


async def test_the_model_chooses_among_names_and_never_sees_a_number() -> None:
    function = transfer_function(_to, _TARGETS)
    tool = ToolFunction(function)
    schema: Any = tool.tool.parameters
    assert tool.name == "transfer"
    assert set(schema["properties"]["to"]["enum"]) == set(_TARGETS)
    assert "555" not in str(tool.tool)
    assert await function("sales") == "asked for +15551230042"


async def test_a_transfer_that_fails_is_told_to_the_model() -> None:
    async def fails(to: str) -> str:
        raise ConnectFailed("the network is down", retryable=True)

    assert "the network is down" in await transfer_function(fails, _TARGETS)("sales")


def test_without_targets_there_is_no_function() -> None:
    with pytest.raises(ValueError, match="at least one"):
        transfer_function(_to, {})
