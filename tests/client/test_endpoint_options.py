"""The keywords of `connect` and `converse` make an endpoint; without a URL they say what to write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from duologue import Endpoint, blocking, connect, converse


@pytest.mark.parametrize("place", ["", Endpoint(model="m")], ids=["nothing", "an endpoint without a URL"])
@pytest.mark.parametrize(("opens", "instead"), [(connect, "transport="), (converse, "open_connection=")])
async def test_without_a_url_it_says_what_to_write(
    opens: Callable[..., AbstractAsyncContextManager[Any]], instead: str, place: Any
) -> None:
    with pytest.raises(TypeError, match=rf'needs the URL of a server: \w+\("wss://.*Endpoint\(url=.*{instead}'):
        await opens(place).__aenter__()


@pytest.mark.parametrize("opens", [blocking.connect, blocking.converse])
def test_the_blocking_client_needs_one_too(opens: Callable[..., AbstractContextManager[Any]]) -> None:
    with pytest.raises(TypeError, match="needs the URL of a server"):
        opens(model="m").__enter__()


@pytest.mark.parametrize("part", [{"model": "m"}, {"ping_timeout": 1.0}, {"loop_lag_ms": 100}, {"transport": "webrtc"}])
async def test_an_endpoint_and_a_part_of_it_are_too_much(part: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="an Endpoint or its parts, not both"):
        await connect(Endpoint(url="wss://host"), **part).__aenter__()


@pytest.mark.parametrize("url", [Path("/v1/realtime"), b"wss://host", None])
async def test_a_url_that_is_no_text_is_named_by_its_type(url: Any) -> None:
    with pytest.raises(TypeError, match="a URL is a str, not "):
        await connect(url).__aenter__()
