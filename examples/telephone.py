"""A telephone line: 8 kHz μ-law both ways, in frames of 20 ms, as a gateway delivers them.

python examples/telephone.py ws://127.0.0.1:8000 caller.wav answer.wav
"""

import asyncio
import sys

import duologue
from duologue.audio.formats import PCMU
from duologue.audio.pacing import Framer
from duologue.audio.wav import WavWriter, read_wav
from duologue.events import AudioConfig, AudioInputConfig, AudioOutputConfig, PcmuAudioFormat, RealtimeSessionConfig
from duologue.notices import AudioDelta, ResponseFinished

LINE = RealtimeSessionConfig(
    audio=AudioConfig(
        input=AudioInputConfig(format=PcmuAudioFormat()), output=AudioOutputConfig(format=PcmuAudioFormat())
    )
)


async def main(url: str, caller: str, answer: str) -> None:
    silence = bytes(2 * PCMU.rate_hz)
    line = Framer(PCMU).push(PCMU.from_pcm16(read_wav(caller).at(PCMU.rate_hz).pcm16 + silence))
    async with (
        duologue.converse(url, model="gpt-realtime", session=LINE) as conversation,
        conversation.stream(AudioDelta, ResponseFinished) as notices,
    ):
        for frame in line:
            await conversation.send_audio(frame, encoding=PCMU)
        with WavWriter(answer, rate_hz=PCMU.rate_hz) as file:
            async for notice in notices:
                if isinstance(notice, ResponseFinished):
                    break
                file.write(notice.encoding.to_pcm16(notice.audio))
            print(f"{len(line) * 20 / 1000:.1f} s from the caller, {file.duration_ms / 1000:.1f} s for the caller")


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))
