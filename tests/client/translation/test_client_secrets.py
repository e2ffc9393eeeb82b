"""Keys for one translation session, from our server."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import duologue
from duologue import blocking
from duologue.client.translation import translation_secret
from duologue.errors import AuthenticationFailed, ConnectFailed
from tests.client.translation._servers import MODEL, ours

pytestmark = pytest.mark.timeout(30)


async def test_a_secret_opens_the_session_that_it_was_made_for() -> None:
    async with ours(api_key="sesame") as url:
        secret = await translation_secret(url, api_key="sesame", language="es", expires_after=60)
        assert 0 < secret.expires_at - time.time() <= 60
        assert secret.session is not None
        assert (secret.session.model, secret.value in repr(secret)) == (MODEL, False)
        async with duologue.translate(url, api_key=secret.value) as translation:
            assert translation.session is not None
            assert translation.session.audio.output == secret.session.audio.output


async def test_a_wrong_key_gets_none_and_a_wrong_configuration_too() -> None:
    async with ours(api_key="sesame") as url:
        with pytest.raises(AuthenticationFailed):
            await translation_secret(url, api_key="wrong")
        with pytest.raises(ConnectFailed, match="language tag"):
            await translation_secret(url, api_key="sesame", language="not a tag")


async def test_threads_ask_with_the_function_of_the_blocking_client() -> None:
    async with ours(api_key="sesame") as url:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(blocking.translation_secret, url, api_key="sesame")
            assert (await asyncio.wrap_future(asked)).value.startswith("ek_")
