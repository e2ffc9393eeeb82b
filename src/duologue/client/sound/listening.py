"""A source's audio into a conversation: what `listen` returns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from duologue.audio.formats import PCM, Encoding
from duologue.audio.input_stream import AudioInput
from duologue.client.sound.blocks import SoundBlock, closing_after
from duologue.client.sound.sinks import result_of
from duologue.client.sound.sources import AudioSource
from duologue.errors import ConnectionClosedOK

__all__ = ["Listening", "TakesAudio"]


class TakesAudio(Protocol):
    """A conversation, or a Live session: what audio is sent to."""

    async def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> object:
        """Append input audio."""
        ...

    async def end_input_stream(self) -> None:
        """The source of the audio ends here."""
        ...


class Listening(SoundBlock):
    """Sends a source's audio for a block; `await` sends it to its end, or to that of the conversation.

    While a lost connection is being restored, the audio of that time is dropped, as `send_audio` does.
    """

    def __init__(
        self,
        conversation: TakesAudio,
        source: AudioSource,
        *,
        encoding: Callable[[], Encoding | None],
        name: str = "conversation.listen(…)",
    ) -> None:
        """`encoding` tells the encoding of the session's input; None if it is not known."""
        super().__init__(name)
        self._encoding = encoding
        self._conversation = conversation
        self._source = source

    async def _hold(self, opened: Callable[[], None]) -> None:
        conversation, source = self._conversation, self._source
        async with closing_after(lambda: result_of(source.close())):
            # Closed by the conversation's end: nothing is heard any more.
            with suppress(ConnectionClosedOK):
                await result_of(source.open(self._encoding() or PCM))
                opened()
                while (piece := await result_of(source.read())) is not None:
                    await conversation.send_audio(
                        piece, encoding=source.encoding, rate_hz=source.rate_hz, channels=source.channels
                    )
                await conversation.end_input_stream()

    async def _drain(self) -> None:
        """Nothing: what a source has not given by now is not waited for."""
