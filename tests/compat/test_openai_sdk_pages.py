"""The HTTP pages of the server, requested by the official SDK."""

from __future__ import annotations

import time

import openai
import pytest

from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from tests.compat._sdk import addresses
from tests.server._listening import listening


def client_of(url: str, api_key: str) -> openai.AsyncOpenAI:
    """The SDK with the server's address."""
    return openai.AsyncOpenAI(**addresses(url), api_key=api_key, max_retries=0)


async def test_a_client_secret_of_the_sdk_opens_the_session_that_it_was_made_for() -> None:
    app = RealtimeApp(engines=scripted_app_engines(), api_key="sesame")
    async with listening(app) as url, client_of(url, "sesame") as client:
        asked_at = int(time.time())
        secret = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 30},
            session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
        )
        assert secret.value.startswith("ek_")
        assert asked_at + 30 <= secret.expires_at <= time.time() + 30
        assert secret.session.type == "realtime"
        assert secret.session.instructions == "Be brief."
        async with client_of(url, secret.value) as browser, browser.realtime.connect(model="gpt-realtime") as session:
            created = await session.recv()
            assert created.type == "session.created"
            assert created.session.type == "realtime"
            assert created.session.instructions == "Be brief."


async def test_the_sdk_lists_models_and_raises_its_own_errors() -> None:
    app = RealtimeApp(engines=scripted_app_engines(), api_key="sesame", models=["a", "b"])
    async with listening(app) as url:
        async with client_of(url, "sesame") as client:
            assert [model.id async for model in client.models.list()] == ["a", "b"]
            assert (await client.models.retrieve("a")).owned_by == "duologue"
            with pytest.raises(openai.NotFoundError, match="The model 'c' is not served here"):
                await client.models.retrieve("c")
            with pytest.raises(openai.BadRequestError, match=r"Unknown parameter: 'session\.bogus'") as caught:
                await client.realtime.client_secrets.create(
                    session={"type": "realtime", "bogus": 1}  # type: ignore[arg-type]  # the point of it
                )
            assert (caught.value.code, caught.value.param) == ("unknown_parameter", "session.bogus")
        async with client_of(url, "nope") as other:
            with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided"):
                await other.models.list()
