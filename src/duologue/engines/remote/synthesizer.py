"""A synthesizer behind a URL: any server with `/audio/speech` of the OpenAI kind."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from duologue.clock import loop_time
from duologue.engines.remote.endpoint import HttpService
from duologue.engines.remote.event_lines import FaultBody, chunk_lines
from duologue.engines.remote.speech_stream import SpeechStream
from duologue.engines.remote.voices import voices_in
from duologue.errors import AudioError, EngineError

if TYPE_CHECKING:
    import httpx

__all__ = ["RemoteSynthesizer"]

_RATE_HZ: Final = 24_000
"""The rate of raw samples at the hosted service and at most others, and of the protocol."""

_SILENCE_S: Final = 20.0
"""Until the next bytes of an answer: a clause takes a second on a processor, and a model that is loaded first ten."""

_SHORTEST_S, _LONGEST_S_PER_CHARACTER = 30, 1
"""Speech that a text may become: the slowest voice at the slowest speed speaks three characters a second, and of digits
one. More is a model that does not stop."""

_MAX_BYTES_PER_S: Final = 192_000 * 2 * 2
"""Of an answer: the highest rate, in stereo."""

_MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""Of an event: some servers put a whole sentence into one, a minute of which takes 4 MB at 24 kHz."""

_VOICES_S: Final = 600.0
"""Between two looks at the list of voices, which changes when an operator adds one."""

_OTHER_KINDS: Final = (
    "audio/mpeg",
    "audio/mp3",
    "audio/ogg",
    "audio/opus",
    "audio/flac",
    "audio/aac",
    "text/",
    "application/json",
)
"""Types of answers that are no speech, or in a format that was not asked for."""

_SERVICE: Final = "the speech synthesis"


class _SpeechEvent(FaultBody):
    """An event of a stream of speech."""

    type: str | None = None
    audio: bytes | None = None
    delta: bytes | None = None


class RemoteSynthesizer:
    """Has each clause spoken by `POST {url}/audio/speech`, and passes the speech on as it comes; closed by `aclose`."""

    sample_rate_hz: int = _RATE_HZ
    name: str

    def __init__(
        self,
        *,
        url: str,
        model: str | None = None,
        api_key: str | None = None,
        voice: str | None = None,
        voices: Sequence[str] = (),
        response_format: Literal["pcm", "wav"] = "pcm",
        rate_hz: int = _RATE_HZ,
        stream_format: Literal["audio", "sse"] | None = None,
        timeout_s: float = _SILENCE_S,
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """`url` ends before `/audio/speech`. Without a `model` none is named, for servers that have one.

        `voice` speaks for names that the server does not have. Which it has is asked of `GET {url}/audio/voices`;
        `voices` says it for servers without that list. `rate_hz` is that of raw samples (`pcm`), which have no header
        to say it. `stream_format` asks for events instead of plain audio, where a server has them. `timeout_s` is how
        long it may be silent; `parameters` go into each request as they are.

        Raises:
            EngineError: `url` is no address, or `rate_hz` no rate.
        """
        self.name = f"remote-{model}" if model else "remote"
        self._voice = voice
        self._given = _once([voice] if voice else [], voices)
        self.voices: tuple[str, ...] = self._given
        """None before the server was asked, and where it has no list: then it gets the names that clients send."""
        self._ask_voices_at = None if voices else -math.inf
        self._raw_hz = rate_hz
        self._body: dict[str, object] = dict(parameters or {})
        self._body |= {"model": model} if model else {}
        self._body |= {"response_format": response_format}
        self._body |= {"stream_format": stream_format} if stream_format else {}
        try:
            SpeechStream(to_hz=_RATE_HZ, raw_hz=rate_hz)
        except ValueError as fault:
            raise EngineError(f"rate_hz: {fault}", engine=self.name) from None
        self._endpoint = HttpService(url, engine=self.name, service=_SERVICE, api_key=api_key, silence_s=timeout_s)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """PCM16 of the text as the server sends it.

        Closed or cancelled: the request is abandoned at once.

        Raises:
            EngineError: the server cannot be reached, refuses, breaks off, or sends what is no speech of this length.
        """
        if not any(map(str.isalnum, text)):
            return
        body = {**self._body, "input": text, "voice": self._spoken_by(voice)}
        if speed != 1:  # some servers refuse what they do not know
            body["speed"] = speed
        left_bytes = 2 * _RATE_HZ * (_SHORTEST_S + _LONGEST_S_PER_CHARACTER * len(text))
        is_silent = True
        async with (
            self._endpoint.post("audio/speech", json=body) as response,
            aclosing(self._speech(response, max_s=left_bytes // (2 * _RATE_HZ))) as pieces,
        ):
            async for piece in pieces:
                left_bytes -= len(piece)
                if left_bytes < 0:
                    raise self._failed(f"sent more speech than {len(text)} characters can be, and did not stop")
                is_silent = is_silent and not piece
                if piece:
                    yield piece
        if is_silent:
            raise self._failed("sent no speech")

    async def probe(self) -> None:
        """Raises EngineError if the server cannot be reached, fails, or refuses the key. Asks for its voices."""
        if self._ask_voices_at is None or loop_time() < self._ask_voices_at:
            await self._endpoint.probe()
            return
        listed = await self._endpoint.get("audio/voices")
        if listed is None:  # no list here: that the server is there is still to be seen
            await self._endpoint.probe()
        found = voices_in(listed or b"")
        self.voices = _once([self._voice] if self._voice else [], found) or self._given
        self._ask_voices_at = loop_time() + _VOICES_S

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    def _spoken_by(self, voice: str) -> str:
        """The voice to ask for: clients send the names of hosted voices."""
        return voice if voice in self.voices or not self.voices else self.voices[0]

    async def _speech(self, response: httpx.Response, *, max_s: int) -> AsyncGenerator[bytes, None]:
        """PCM16 of the answer."""
        kind, _, rest = response.headers.get("Content-Type", "").lower().partition(";")
        try:
            if kind.strip() != "text/event-stream" and kind.strip().startswith(_OTHER_KINDS):
                raise ValueError(f"the type {kind.strip()[:100]!r}")
            stated_hz = _stated_hz(rest, response.headers.get("X-Sample-Rate", ""))
            speech = SpeechStream(to_hz=_RATE_HZ, raw_hz=self._raw_hz if stated_hz is None else stated_hz)
            data = self._endpoint.body(response)
            events = (
                self._audio_in(data, max_bytes=max_s * _MAX_BYTES_PER_S)
                if kind.strip() == "text/event-stream"
                else data
            )
            async with aclosing(data), aclosing(events) as pieces:
                async for piece in pieces:
                    yield speech.push(piece)
            yield speech.flush()
        except (ValueError, RecursionError, AudioError) as fault:  # a fault of msgspec's is a ValueError
            raise self._failed(f"sent what is no speech: {fault}") from fault

    async def _audio_in(self, data: AsyncGenerator[bytes, None], *, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The audio of a stream of events."""
        ended = False
        async with aclosing(chunk_lines(data, max_bytes=max_bytes, max_line_bytes=_MAX_LINE_BYTES)) as lines:
            async for line in lines:
                if line == "[DONE]":
                    ended = True
                elif line:
                    event = msgspec.json.decode(line, type=_SpeechEvent)
                    if event.fault is not None:
                        raise self._failed("failed", quote=event.fault)
                    ended = ended or event.type == "speech.audio.done"
                    yield event.audio or event.delta or b""
        if not ended:
            raise self._failed("broke off in the middle of its speech")

    def _failed(self, what: str, *, quote: str = "") -> EngineError:
        return self._endpoint.error(what, quote=quote, for_client=f"{_SERVICE} failed; please ask again")


def _once(*names: Sequence[str]) -> tuple[str, ...]:
    """All names in their order, each once."""
    found = dict[str, None]()
    for name in (each for some in names for each in some):
        found[name] = None
    return tuple(found)


def _stated_hz(parameters: str, header: str) -> int | None:
    """The rate that an answer states, in its type (`audio/pcm;rate=22050`) or in a header. Raises ValueError."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "rate" and value.strip():
            return _number(value)
    return _number(header) if header.strip() else None


def _number(text: str) -> int:
    text = text.strip().strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError("a rate that is no number")
    return int(text)
