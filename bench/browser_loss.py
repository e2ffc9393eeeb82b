"""What lost packets leave of speech from a real browser: the words that the shipped transcriber gets wrong.

A page in Chromium says recorded sentences into a call whose packets of sound get lost on the way: a UDP relay drops a
share of them, and delays each by 30 to 40 ms, each way. A word is wrong where the transcript differs from what is
read; `right` are runs without such a word.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._lossy import lossy_way
from bench._rounds import report
from bench._words import words_of, wrong_words
from duologue.audio.resampling import resample
from duologue.audio.wav import read_wav
from duologue.cli.local_server import LocalServer, local_server
from duologue.transports.http_exchange import exchange
from tests._browsers import Browser, Browsers
from tests._pages import serving_pages

_ROOT: Final = Path(__file__).parent.parent
_SENTENCES: Final = {
    "librivox_0870": "and mister john dashwood had then leisure to consider how much there might be prudently in "
    "his power to do for them",
    "librivox_0920": "had he married a more amiable woman he might have been made still more respectable than he was",
}
_LOSSES: Final = (0.0, 0.05, 0.15)
_RATE_HZ: Final = 24_000

_SESSION: Final = {
    "type": "realtime",
    "audio": {
        "input": {
            "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 900, "create_response": False},
        }
    },
}

_OFFER: Final = """async () => {
  window.seen = [];
  window.peer = new RTCPeerConnection();
  const microphone = await navigator.mediaDevices.getUserMedia({audio: true});
  peer.addTrack(microphone.getTracks()[0], microphone);
  window.channel = peer.createDataChannel('oai-events');
  channel.addEventListener('message', ({data}) => seen.push(JSON.parse(data)));
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription.sdp;
}"""

_UPDATE: Final = """(answer, session) => {
  window.opened = new Promise((done) => channel.addEventListener('open', done));
  return peer.setRemoteDescription({type: 'answer', sdp: answer}).then(() => opened)
    .then(() => channel.send(JSON.stringify({type: 'session.update', session})));
}"""

_TOLD: Final = """() => {
  const count = (end) => seen.filter(({type}) => type.endsWith(end)).length;
  return count('speech_stopped') > 0 && count('speech_started') === count('speech_stopped')
    && count('input_audio_transcription.completed') === count('speech_stopped');
}"""

_TRANSCRIPT: Final = """() => seen.filter(({type}) => type.endsWith('input_audio_transcription.completed'))
  .map(({transcript}) => transcript).join(' ')"""


def _script() -> str:
    clips: dict[str, str] = {}
    for name in _SENTENCES:
        sound = read_wav(_ROOT / f"tests/speech/{name}.wav")
        clips[name] = base64.b64encode(resample(sound.pcm16, sound.rate_hz, _RATE_HZ)).decode()
    microphone = (_ROOT / "tests/_microphone.js").read_text(encoding="utf-8")
    return f"window.speechForTests = {json.dumps(clips)};\n{microphone}"


async def _heard(browser: Browser, site: str, server: LocalServer, name: str, loss: float, seed: int) -> str:
    """The transcript of a sentence."""
    calls = f"{server.url.replace('ws', 'http', 1)}/calls"
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {server.api_key}"}
    tab = await browser.tab(script=_script())
    try:
        await tab.open(f"{site}index.html")
        offer = str(await tab.value(_OFFER))
        answer = await exchange(calls, method="POST", headers=headers, body=offer.encode())
        async with lossy_way(answer.body.decode(), loss=loss, seed=seed) as (sdp, relay):
            await tab.value(f"() => ({_UPDATE})({json.dumps(sdp)}, {json.dumps(_SESSION)})")
            await tab.until("() => seen.some(({type}) => type === 'session.updated')")
            await asyncio.sleep(1)
            await tab.value(f"() => speak('{name}')")
            await asyncio.sleep(1.5)
            await tab.until(_TOLD)
            transcript = str(await tab.value(_TRANSCRIPT))
            print(
                f"{loss:.0%} {name} dropped {relay.dropped} of {relay.dropped + relay.passed}: {transcript}",
                file=sys.stderr,
            )
            await tab.value("() => peer.close()")
            return transcript
    finally:
        await tab.close()


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    turn = asyncio.Semaphore(options.at_once)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(local_server(("--responder=scripted", "--synthesizer=scripted")))
        site = await stack.enter_async_context(serving_pages({"index.html": "<!doctype html><title>Bench</title>"}))
        browser = await Browsers(stack).named(options.browser)

        async def one(name: str, loss: float, seed: int) -> int:
            async with turn:
                transcript = await _heard(browser, site, server, name, loss, seed)
            return wrong_words(words_of(_SENTENCES[name]), words_of(transcript))

        for loss in options.loss or _LOSSES:
            runs = [(name, loss, seed) for name in _SENTENCES for seed in range(options.runs)]
            done = await asyncio.gather(*(one(*run) for run in runs))
            cell = f"loss_{round(loss * 100)}_percent"
            n_words = options.runs * sum(len(words_of(text)) for text in _SENTENCES.values())
            figures[f"{cell}_wrong_words_share"] = round(sum(done) / n_words, 4)
            figures[f"{cell}_right_runs"] = done.count(0)
            figures[f"{cell}_runs"] = len(done)
    return figures


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", choices=("chromium", "firefox"), default="chromium")
    parser.add_argument("--loss", type=float, action="append", help="a share, such as 0.15; may be given several times")
    parser.add_argument("--runs", type=int, default=4, help="of each of two sentences, for each share of loss")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    figures = asyncio.run(_measure(parser.parse_args()))
    report(figures, "\n".join(f"{name:40} {value:10g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
