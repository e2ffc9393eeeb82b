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
from duologue.sound import LineSink, LineSource

INPUT, OUTPUT = AudioInputConfig(format=PcmuAudioFormat()), AudioOutputConfig(format=PcmuAudioFormat())
LINE = RealtimeSessionConfig(audio=AudioConfig(input=INPUT, output=OUTPUT))


class Call:  # what a gateway's WebSocket would give: here from one file, and into another
    def __init__(self, caller: str, answer: str) -> None:
        self._frames = iter(Framer(PCMU).push(PCMU.from_pcm16(read_wav(caller).at(PCMU.rate_hz).pcm16)))
        self.answer = WavWriter(answer, rate_hz=PCMU.rate_hz)

    async def read(self) -> bytes | None:
        frame = next(self._frames, None)
        await asyncio.sleep(0.02 if frame else 1)  # a silent line delivers nothing, and then the end
        return frame

    async def write(self, audio: bytes) -> None:
        self.answer.write(PCMU.to_pcm16(audio))


async def main(url: str, call: Call) -> None:
    async with duologue.converse(url, session=LINE) as conversation, conversation.play(LineSink(call)):
        await conversation.listen(LineSource(call))


with (call := Call(sys.argv[2], sys.argv[3])).answer as file:
    asyncio.run(main(sys.argv[1], call))
    print(f"{file.duration_ms / 1000:.1f} s for the caller")
