"""The contracts of engines, one for each kind.

Audio crosses these contracts as PCM16: signed 16-bit little-endian mono samples in `bytes`, at the rate that the
engine names. The server resamples; an engine never does. All methods run on the event loop and must not block it:
an engine that computes moves its work to a thread (`duologue.engines.worker`).

Every stream is an async iterator. Closing it, or cancelling the task that reads it, stops the work: at once where
the engine can, else after the piece under way, whose result is dropped.

An engine that depends on another process has a coroutine `probe`, which raises `EngineError` while that cannot be
reached, and asks it for nothing that costs: `/readyz` calls it.

One engine object serves all sessions at once; only a `VoiceDetector` and a `Denoiser` belong to one stream of audio,
because they keep state of its audio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

__all__ = [
    "Denoiser",
    "EndOfTurnDetector",
    "Function",
    "FunctionCall",
    "Image",
    "Message",
    "Responder",
    "ResponderRequest",
    "Synthesizer",
    "Transcriber",
    "Translator",
    "TranslatorRequest",
    "VoiceDetector",
]


class VoiceDetector(Protocol):
    """Detects speech in one stream of audio (voice activity detection).

    An engine that never blocks may have a method more, `begin_detecting(pcm16)`: `detect` for pieces of at most 200 ms,
    which returns the probabilities, or an `asyncio.Future` of them. The server calls it without a task, fifty times a
    second, and not again before the future is done. It cancels the future if it no longer wants the result.
    """

    sample_rate_hz: int
    """Samples a second of its audio."""
    frame_ms: int
    """The length of a frame, in milliseconds."""

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        """Probability of speech, 0 to 1, for each frame of `frame_ms` that this audio completes.

        Audio may come in pieces of any even length; what does not fill a frame is kept for the next call. The
        number of frames returned depends on the audio alone, never on how it was cut.
        """
        ...


class Denoiser(Protocol):
    """Takes noise out of one stream of audio."""

    sample_rate_hz: int
    """Samples a second of its audio."""

    async def clean(self, pcm16: bytes, /) -> bytes:
        """The same audio, cleaned: as many bytes as came, for positions are counted in them.

        Audio may come in pieces of any even length. An engine that needs to look ahead starts with silence.
        """
        ...


class Transcriber(Protocol):
    """Turns one utterance into text.

    An engine may have four attributes more. `repeatable`, True where reading the same speech again costs nothing but
    work on this machine: then it is also asked while an utterance is spoken, and ahead of its end. `at_once`, how
    many utterances it reads at the same time, where that is not the number of threads of the server. `languages`, the
    ISO-639-1 codes of those that it knows, where these are not all, and `models`, the names of models that it is:
    sessions that name another one are told so. A `Responder` may have `models` too.
    """

    sample_rate_hz: int
    """Samples a second of its audio."""
    name: str
    """As the log and the metrics show it."""

    def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncIterator[str]:
        """Pieces of the transcript; joined, they are the transcript.

        Audio without speech yields nothing. `language` is an ISO-639-1 code, `prompt` a hint; an engine that knows
        no use for them ignores them.
        """
        ...


class EndOfTurnDetector(Protocol):
    """Estimates at a pause whether the speaker has finished the turn."""

    sample_rate_hz: int
    """Samples a second of its audio."""
    name: str
    """As the log and the metrics show it."""

    async def completeness(self, pcm16: bytes, transcript: str, /) -> float:
        """The probability, 0 to 1, that this speech, silent at its end, is a complete turn with nothing to follow."""
        ...


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a responder wants the client to make."""

    name: str
    """One of the names in `functions` of the request."""
    arguments: str
    """A JSON object, as text."""
    call_id: str = ""
    """Given by the server; a responder need not."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a responder may have called."""

    name: str
    """As the client's session names it."""
    description: str = ""
    """What it is for, in the client's words."""
    parameters: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """JSON schema of the arguments."""
    fallback: bool = False
    """Hands over what the responder cannot answer itself to one who can. To be called with no arguments where a
    responder would otherwise say that it does not know."""


class Image(msgspec.Struct, frozen=True):
    """A picture that a user shows."""

    url: str
    """A `data:` URI, as a rule; an engine that fetches another address makes a request that a client chose."""
    detail: str | None = None
    """How closely to look, in the protocol's words: "low", "high" or "auto"."""


class Message(msgspec.Struct, frozen=True):
    """One turn of the conversation as a responder sees it: what was said, by whom.

    An assistant's message may have `calls`; the message of a role "tool" is what the call `call_id` returned. A user's
    may have `images`, with words or without: an engine that cannot see says so.
    """

    role: Literal["system", "user", "assistant", "tool"]
    """Who speaks; "tool": the result of a call."""
    text: str
    """The words; of a tool, what it returned."""
    calls: tuple[FunctionCall, ...] = ()
    """Of an assistant: what it had called."""
    call_id: str | None = None
    """Of a tool: the call whose result it is."""
    images: tuple[Image, ...] = ()
    """Of a user."""


class ResponderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a responder gets: the conversation and the settings of one response."""

    messages: tuple[Message, ...]
    """The conversation, oldest first; the last user message is the one to answer."""
    instructions: str
    """The session's or the response's system prompt; may be empty."""
    max_output_tokens: int | None
    """None: no limit."""
    now: datetime
    """The server's local time, with its zone."""
    session_id: str
    """The same for all responses of a session."""
    model: str
    """The model of the session, as the client named it."""
    voice: str
    """The voice that will speak."""
    turn: int
    """How many responses this session has had before this one."""
    session_age_s: float
    """In seconds."""
    functions: tuple[Function, ...] = ()
    """What may be called."""
    function_choice: str = "auto"
    """"auto", "none", "required", or the name of the one function to call."""
    returned: frozenset[str] = frozenset()
    """Ids of the calls whose results have come since the assistant last spoke. In `messages` a result stands behind its
    call, which may be long ago."""


class Responder(Protocol):
    """Decides what to say.

    >>> import asyncio
    >>> from duologue.engines.checks import check_responder
    >>> class Parrot:
    ...     name = "parrot"
    ...     async def respond(self, request):
    ...         yield request.messages[-1].text if request.messages else "Hello."
    >>> asyncio.run(check_responder(Parrot()))
    """

    name: str
    """As the log and the metrics show it."""

    def respond(self, request: ResponderRequest, /) -> AsyncIterator[str | FunctionCall]:
        """Pieces of the answer, as soon as they are known; joined, they are the answer.

        Pieces keep their white space. Calls come whole, behind the text if there is any. Raises `EngineError` when no
        answer can be had.
        """
        ...


class Synthesizer(Protocol):
    """Speaks.

    `voices` is empty while they are not known, as with a server that lists none: then any name is passed on to it. An
    engine may have an attribute `languages`, as a `Transcriber`.
    """

    sample_rate_hz: int
    """Samples a second of its audio."""
    name: str
    """As the log and the metrics show it."""
    voices: tuple[str, ...]
    """Names that `voice` may be, the default one first."""

    def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncIterator[bytes]:
        """PCM16 of the text, piece by piece, in order.

        An unknown voice is spoken with the engine's first one: clients send the names of hosted voices. Text that
        cannot be spoken (no letters, no digits) yields nothing.
        """
        ...


class TranslatorRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a translator gets: the words of one utterance."""

    text: str
    """To be translated."""
    language: str
    """The language to translate into, as a tag: "es", "pt-BR"."""
    source_language: str | None = None
    """The language of the text, if the client has named it."""
    session_id: str = ""
    """The same for all utterances of a session."""


class Translator(Protocol):
    """Translates what was said.

    An engine may have two attributes more. `translates`, False where it gives the words back as they are: the server
    says so in its log. And `languages`, the tags that it translates into, where it does not take any language.
    """

    name: str
    """As the log and the metrics show it."""

    def translate(self, request: TranslatorRequest, /) -> AsyncIterator[str]:
        """Pieces of the translation, as soon as they are known; joined, they are the translation.

        Pieces keep their white space. Raises `EngineError` when no translation can be had.
        """
        ...
