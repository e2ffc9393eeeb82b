"""A transcriber behind a URL: any server with `/audio/transcriptions` of the OpenAI kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from duologue.audio.wav import wav_of
from duologue.engines.remote.endpoint import HttpService
from duologue.engines.remote.event_lines import chunk_lines
from duologue.engines.remote.transcript_stream import TranscriptFault, TranscriptStream
from duologue.errors import EngineError

if TYPE_CHECKING:
    import httpx

__all__ = ["RemoteTranscriber"]

_RATE_HZ: Final = 16_000
"""What speech recognition is trained on; more would only make the request longer."""

_SILENCE_S: Final = 30.0
"""Until the next bytes of an answer: a minute of speech takes a second on a graphics card, and some on a processor."""

_AT_ONCE: Final = 16
"""Requests at the same time. A server with a graphics card gains from batches of about this size."""

_SHORTEST_BYTES: Final = 2 * _RATE_HZ // 10
"""Of audio, filled up with silence: hosted services refuse less than 0.1 s."""

_MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""An event of 300 bytes for each of 20,000 words, which is two hours of speech, and more than an utterance may have."""

_SERVICE: Final = "the speech recognition"


class RemoteTranscriber:
    """Has each utterance transcribed by `POST {url}/audio/transcriptions`, as a WAV file; closed by `aclose`."""

    sample_rate_hz: int = _RATE_HZ
    name: str

    def __init__(
        self,
        *,
        url: str,
        model: str | None = None,
        api_key: str | None = None,
        language: str | None = None,
        languages: Sequence[str] = (),
        stream: bool = True,
        repeatable: bool = False,
        at_once: int = _AT_ONCE,
        timeout_s: float = _SILENCE_S,
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """`url` ends before `/audio/transcriptions`. Without a `model` none is named, for servers that have one.

        `language` is that of sessions that name none, `languages` those that the model knows, if not all. `stream`
        asks for words as they are recognised. `repeatable` is for a server that is not paid by the request: partial
        transcripts while the user speaks. `timeout_s` is how long it may be silent; `parameters` go into each request.

        Raises:
            EngineError: `url` is no address.
        """
        self.name = f"remote-{model}" if model else "remote"
        self.models: tuple[str, ...] = (model,) if model else ()
        self.languages: tuple[str, ...] = tuple(languages)
        self.repeatable = repeatable
        self.at_once = at_once
        self._language = language
        self._fields = {name: _field(value) for name, value in (parameters or {}).items()}
        self._fields |= {"model": model} if model else {}
        self._fields |= {"response_format": "json"} | ({"stream": "true"} if stream else {})
        self._endpoint = HttpService(url, engine=self.name, service=_SERVICE, api_key=api_key, silence_s=timeout_s)

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        """Pieces of the transcript as the server sends them.

        Closed or cancelled: the request is abandoned at once.

        Raises:
            EngineError: the server cannot be reached, refuses, breaks off, or sends what is no transcript.
        """
        if not pcm16:
            return
        asked = {"language": language or self._language, "prompt": prompt}
        fields = self._fields | {name: value for name, value in asked.items() if value}
        wav = wav_of(pcm16.ljust(_SHORTEST_BYTES, b"\0"), rate_hz=_RATE_HZ)
        async with (
            self._endpoint.post(
                "audio/transcriptions", data=fields, files={"file": ("speech.wav", wav, "audio/wav")}
            ) as response,
            aclosing(self._pieces(response)) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def probe(self) -> None:
        """Raises EngineError if the server cannot be reached, fails, or refuses the key. Costs nothing there."""
        await self._endpoint.probe()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[str, None]:
        transcript = TranscriptStream()
        kind = response.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
        try:
            if kind == "text/event-stream":
                data = self._endpoint.body(response)
                async with aclosing(data), aclosing(chunk_lines(data, max_bytes=_MAX_ANSWER_BYTES)) as lines:
                    async for line in lines:
                        if piece := transcript.read(line):
                            yield piece
                        if transcript.ended:
                            return
            elif kind in ("application/json", "text/plain"):
                content = await self._endpoint.whole(response, max_bytes=_MAX_ANSWER_BYTES)
                if whole := transcript.read_whole(content.decode("utf-8"), is_json=kind == "application/json"):
                    yield whole
            else:
                raise ValueError(f"the type {kind[:100]!r}")
        except TranscriptFault as fault:
            # What it says may repeat what was said.
            raise self._failed("failed", quote=str(fault)) from None
        except (ValueError, RecursionError) as fault:  # a fault of msgspec's is a ValueError
            raise self._failed(f"sent what is no transcript: {fault}") from fault
        if transcript.needs_end and not transcript.ended:
            raise self._failed("broke off in the middle of a transcript")

    def _failed(self, what: str, *, quote: str = "") -> EngineError:
        return self._endpoint.error(what, quote=quote, for_client=f"{_SERVICE} failed; please say it again")


def _field(value: object) -> str:
    """A value as forms have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
