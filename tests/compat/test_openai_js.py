"""The official JavaScript SDK, unmodified. It insists on `wss`, so it also tries the server's TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.server import tls_context
from tests.compat._javascript import driven
from tests.compat._talkative import scripted
from tests.server._listening import listening
from tests.server.run.test_tls import write_certificate

pytestmark = pytest.mark.timeout(60)


async def test_a_turn_in_text_and_a_turn_in_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = write_certificate(tmp_path)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(cert))
    async with listening(scripted(), tls=tls_context(cert, key)) as url:
        base = url.replace("wss://", "https://").removesuffix("/realtime")
        async with driven("openai.mjs", base) as client:
            [report] = [one for one in await client.until("said") if one["event"] == "said"]
    assert report["text"] == report["transcript"] == "This is a script."
    assert report["bytes"] == 48 * 60 * len("This is a script.")
    assert [one["status"] for one in client.seen if one["event"] == "done"] == ["completed", "completed"]
