"""A running Asterisk, whose calls come to the application that is tested: no SIP, the caller is a dialplan."""

from __future__ import annotations

import asyncio
import shutil
import socket
import wave
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest

from duologue.testing.sounds import clip
from tests.telephony.asterisk._private_root import NoAsterisk, private_root

__all__ = ["CALL_ID", "PASSWORD", "RunningAsterisk", "Way", "asterisk", "free_port", "loud_ms"]

Way: TypeAlias = Literal["json", "plain", "audiosocket"]
"""How Asterisk brings the call."""

PASSWORD: Final = "of-the-test"
CALL_ID: Final = "40325ec2-5efd-4bd3-805f-53576e581d13"

_MODULES: Final = (
    "res_sorcery_config res_sorcery_memory res_timing_timerfd res_http_websocket res_websocket_client res_audiosocket "
    "res_clioriginate chan_websocket app_audiosocket app_dial app_playback app_senddtmf app_mixmonitor pbx_config "
    "codec_ulaw codec_resample format_wav format_pcm bridge_simple func_channel func_global "
    "res_stasis res_ari_model res_ari res_ari_asterisk"
).split()

_CALL_S: Final = 90
"""The longest call of the tests has 40 s of speech."""

_LOUD: Final = 500
"""A sample above it is speech or a tone; silence in G.711 is 8 at most."""

_FRAME_SAMPLES: Final = 160


class RunningAsterisk:
    """One Asterisk. Calls one after another."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._monitor = root / "var" / "spool" / "asterisk" / "monitor"

    async def command(self, line: str) -> str:
        """What a command of Asterisk's console prints."""
        process = await asyncio.create_subprocess_exec(
            "chroot", self._root, "/usr/sbin/asterisk", "-rx", line,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 10)
        return said.decode("utf-8", "replace")

    async def call(self, way: Way, *steps: str) -> list[int]:
        """A call in which the caller's side runs these applications of the dialplan, until it ends.

        Returns what the caller heard of the application: the peak of each 20 ms in which something was sent.
        """
        (self._monitor / "heard.wav").unlink(missing_ok=True)
        caller = ["MixMonitor(both.wav,r(heard.wav))", *steps]
        _extension(self._root, "caller", caller)
        await self.command("dialplan reload")
        await self.command(f"channel originate Local/{way}@application extension s@caller")
        await self._until("End MixMonitor", _CALL_S)
        return _peaks(self._monitor / "heard.wav")

    async def _until(self, line: str, within_s: float) -> None:
        """Wait until Asterisk has logged this."""
        async with asyncio.timeout(within_s):
            async for _ in _ticks():
                if line in self.log:
                    return
                assert "Couldn't call" not in self.log, self.log[-2_000:]

    @property
    def log(self) -> str:
        """What Asterisk has logged."""
        return (self._root / "var" / "log" / "asterisk" / "messages").read_text(encoding="utf-8", errors="replace")


@asynccontextmanager
async def asterisk(
    *, websocket_port: int, audiosocket_port: int, ari_port: int
) -> AsyncGenerator[RunningAsterisk, None]:
    """Asterisk, which opens its connections to the first two of these ports, and has its REST interface at the third.

    Skips the test where it cannot be had.
    """
    try:
        root = await asyncio.to_thread(private_root)
    except NoAsterisk as fault:
        pytest.skip(f"no Asterisk: {fault}")
    _configure(root, websocket_port, audiosocket_port, ari_port)
    process = await asyncio.create_subprocess_exec(
        "chroot", root, "/usr/sbin/asterisk", "-f",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    running = RunningAsterisk(root)
    try:
        async with asyncio.timeout(30):
            while "fully booted" not in await running.command("core waitfullybooted"):
                assert process.returncode is None, running.log[-2_000:]
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def loud_ms(peaks: Sequence[int]) -> int:
    """For how long something was heard."""
    return 20 * sum(peak > _LOUD for peak in peaks)


async def _ticks() -> AsyncGenerator[None, None]:
    """Another process tells nothing of what it does: its log is read again and again."""
    while True:
        yield
        await asyncio.sleep(0.1)


def _configure(root: Path, websocket_port: int, audiosocket_port: int, ari_port: int) -> None:
    for folder in ("run/asterisk", "var/log/asterisk", "var/spool/asterisk/monitor", "etc/asterisk", "tmp", "sounds"):
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)
    with wave.open(str(root / "sounds" / "question.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(clip("question", rate_hz=8_000))
    _write(root, "asterisk.conf", "[directories]", "astrundir => /run/asterisk", "[options]", "verbose = 3")
    _write(root, "modules.conf", "[modules]", "autoload = no", *(f"load = {name}.so" for name in _MODULES))
    _write(root, "logger.conf", "[logfiles]", "messages => notice,warning,error,verbose")
    _write(
        root,
        "websocket_client.conf",
        "[duologue]",
        "type = websocket_client",
        "connection_type = per_call_config",
        f"uri = ws://127.0.0.1:{websocket_port}/phone/asterisk",
        "protocols = media",
        "username = asterisk",
        f"password = {PASSWORD}",
        "tls_enabled = no",
    )
    _extension(
        root,
        "application",
        [],
        "exten => json,1,Set(__call=${UNIQUEID})",
        " same => n,Set(__caller=+15551230042)",
        " same => n,Dial(WebSocket/duologue/c(ulaw)f(json),30,g)",
        " same => n,Set(to=${GLOBAL(TRANSFER_${UNIQUEID})})",
        ' same => n,GotoIf($["${to}" = ""]?end)',
        " same => n,Goto(transfers,${to},1)",
        " same => n(end),Hangup()",
        "exten => plain,1,Dial(WebSocket/duologue/c(ulaw),30)",
        "exten => audiosocket,1,Answer()",
        f" same => n,AudioSocket({CALL_ID},127.0.0.1:{audiosocket_port})",
        f" same => n,Set(to=${{GLOBAL(TRANSFER_{CALL_ID})}})",
        ' same => n,GotoIf($["${to}" = ""]?end)',
        " same => n,Goto(transfers,${to},1)",
        " same => n(end),Hangup()",
        "[transfers]",
        "exten => sales,1,Playback(/sounds/question)",
    )
    _write(root, "http.conf", "[general]", "enabled = yes", "bindaddr = 127.0.0.1", f"bindport = {ari_port}")
    _write(root, "ari.conf", "[general]", "enabled = yes", "[duologue]", "type = user", f"password = {PASSWORD}")
    _write(root, "extensions.conf", "#include extensions.d/*.conf")


def _extension(root: Path, context: str, steps: Sequence[str], *lines: str) -> None:
    dialplan = (
        [f"exten => s,1,{steps[0]}", *(f" same => n,{step}" for step in (*steps[1:], "Hangup()"))] if steps else []
    )
    _write(root, f"extensions.d/{context}.conf", f"[{context}]", *lines, *dialplan)


def _write(root: Path, name: str, *lines: str) -> None:
    file = root / "etc" / "asterisk" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join((*lines, "")), encoding="utf-8")


def _peaks(recording: Path) -> list[int]:
    with wave.open(str(recording), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8_000, 2, 1)
        data = file.readframes(file.getnframes())
    samples = memoryview(data).cast("h")
    return [max(map(abs, samples[at : at + _FRAME_SAMPLES])) for at in range(0, len(samples), _FRAME_SAMPLES)]
