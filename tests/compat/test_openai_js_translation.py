"""The official JavaScript SDK's translation socket, unmodified, against our server. It insists on TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.events.base import encode_audio
from duologue.server import tls_context
from tests.compat._javascript import driven
from tests.compat._live_sdk import CHECKS
from tests.compat._talkative import interpreter
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening
from tests.server.run.test_tls import write_certificate

pytestmark = pytest.mark.timeout(60)


async def test_speech_is_translated_and_the_session_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = write_certificate(tmp_path)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(cert))
    transcribed = {"transcription": {"model": "gpt-realtime-whisper"}}
    async with (
        listening(interpreter(), tls=tls_context(cert, key)) as url,
        driven("translation.mjs", url.replace("wss://", "https://").removesuffix("/realtime")) as js,
    ):
        await js.until("wire", type="session.created")
        js.order(type="session.update", session={"audio": {"output": {"language": "es"}, "input": transcribed}})
        for piece in (LOUD * 200,) * 3 + (QUIET * 200,) * 4:
            js.order(type="session.input_audio_buffer.append", audio=encode_audio(piece))
        js.order(type="session.close")
        await js.until("finished")
    wires = [report["wire"] for report in js.seen if report["event"] == "wire"]
    for wire in wires:
        CHECKS["translation"](wire)
    assert [report["type"] for report in js.seen if report["event"] == "typed"] == [wire["type"] for wire in wires]
    assert "".join(wire["delta"] for wire in js.wire("session.output_transcript.delta")) == "buenos días"
    assert js.wire("session.output_audio.delta")
