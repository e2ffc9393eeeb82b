"""TLS on a real socket: a handshake that does not end holds nothing, and what comes with its end is not lost."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue.server import Limits, tls_context
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import GET, raw_connection
from tests.server._session_ends import SessionEnds
from tests.server.run.test_connection_memory import nothing_left, run
from tests.server.run.test_tls import write_certificate

pytestmark = pytest.mark.timeout(30)


def client_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    return context


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_half_handshakes_are_counted_and_those_that_waited_longest_make_room(tmp_path: Path, loop: str) -> None:
    certificate, key = write_certificate(tmp_path)

    async def attack() -> None:
        ends = SessionEnds()
        app = scripted_app(limits=Limits(max_connections=10), ends=ends)
        async with listening(app, tls=tls_context(certificate, key)) as url, AsyncExitStack() as stack:
            lines = [await stack.enter_async_context(raw_connection(url)) for _ in range(30)]
            for each in lines:
                each.writer.write(b"\x16\x03\x01")
            assert await lines[0].has_ended(within_s=5)
            async with raw_connection(url, tls=client_context(certificate)) as secure:
                secure.writer.write(GET + b"\r\n")
                await secure.read_until(b'{"status":"ok"}')
            assert set(ends.reasons) == {"connections"}

    run(attack, loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_handshake_that_does_not_end_is_cut_and_leaves_nothing(tmp_path: Path, loop: str) -> None:
    certificate, key = write_certificate(tmp_path)

    async def attack() -> None:
        ends = SessionEnds()
        app = scripted_app(limits=Limits(handshake_s=0.3), ends=ends)
        async with listening(app, tls=tls_context(certificate, key)) as url:
            async with raw_connection(url) as connection:
                connection.writer.write(b"\x16\x03\x01")
                assert await connection.has_ended(within_s=5)
                assert await ends.reason() == "handshake_late"
            async with raw_connection(url) as plain:
                plain.writer.write(GET + b"\r\n")
                assert await plain.has_ended(within_s=5)
            with nothing_left() as all_gone:
                async with raw_connection(url, tls=client_context(certificate)) as secure:
                    secure.writer.write(GET + b"\r\n")
                    await secure.read_until(b'{"status":"ok"}')
                await all_gone()

    run(attack, loop)
