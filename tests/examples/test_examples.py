"""Every example, and the listings of the README, run as a user would run them: against a server of ours."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from duologue.audio.wav import Sound, read_wav
from duologue.engines.registry import Kind, load_default
from duologue.server import RealtimeApp
from duologue.telephony.sip.ring_plan import RingPlan
from duologue.telephony.sip.ringing import ring
from duologue.testing import Expect, ScriptedServer, Send
from duologue.testing.sounds import tone
from tests.client._frames import (
    added,
    answer,
    audio_delta,
    call,
    calling,
    created,
    ended,
    greeting,
    message,
    taken,
    unasked,
    updated,
)
from tests.server._listening import listening
from tests.transports._answering import unused_port

ROOT = Path(__file__).parent.parent.parent
QUESTION = str(ROOT / "src" / "duologue" / "cli" / "speech" / "question_arithmetic.wav")
SECRET = "whsec_dGVzdA=="
SCRIPTED: dict[Kind, str] = {"detector": "scripted", "transcriber": "scripted", "synthesizer": "scripted"}


@pytest_asyncio.fixture
async def url() -> AsyncGenerator[str, None]:
    """A server whose answers come from the embedded responder; hearing and speaking are scripted."""
    async with listening(RealtimeApp(engines=partial(load_default, names=SCRIPTED))) as served:
        yield served


async def run(*command: str) -> str:
    """Standard output of a Python command that must succeed within 20 seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def test_a_first_conversation_prints_the_answer(url: str) -> None:
    assert await run(str(ROOT / "examples" / "first_conversation.py"), url) == "7 times 8 is 56.\n"


async def test_a_script_without_an_event_loop_asks_twice_and_ends_by_itself(url: str) -> None:
    lines = (await run(str(ROOT / "examples" / "sync_script.py"), url)).splitlines()
    assert lines[:2] == ["7 times 8 is 56.", "9 minus 4 is 5."]
    assert lines[2].startswith("4 items, ")


async def example(name: str, *arguments: str) -> str:
    """What an example prints."""
    return await run(str(ROOT / "examples" / name), *arguments)


async def test_a_file_is_transcribed(url: str) -> None:
    assert await example("transcribe_file.py", url, QUESTION) == "hello\n"


async def test_push_to_talk_gets_an_answer_when_the_key_is_released(url: str, tmp_path: Path) -> None:
    printed = await example("push_to_talk.py", url, QUESTION, str(tmp_path / "answer.wav"))
    assert re.fullmatch(r"Hello! .+ \(\d\.\d s\)\n", printed)
    assert read_wav(tmp_path / "answer.wav").duration_ms > 500


async def test_a_barge_in_is_heard_to_stop_where_the_model_was_cut_off(url: str, tmp_path: Path) -> None:
    printed = await example("barge_in.py", url, QUESTION, str(tmp_path / "heard.wav"))
    cut = re.fullmatch(r"(\d+) ms were heard, and the model remembers (\d+) ms\.\n", printed)
    assert cut is not None
    heard_ms, remembered_ms = map(int, cut.groups())
    assert 0 <= heard_ms - remembered_ms <= 150


async def test_a_caller_by_telephone_gets_an_answer_at_eight_kilohertz(url: str, tmp_path: Path) -> None:
    printed = await example("telephone.py", url, QUESTION, str(tmp_path / "answer.wav"))
    assert re.fullmatch(r"\d\.\d s for the caller\n", printed)
    heard = read_wav(tmp_path / "answer.wav")
    assert (heard.rate_hz, heard.duration_ms > 500) == (8000, True)


@asynccontextmanager
async def number(url: str, hours: str) -> AsyncGenerator[str]:
    """The example of a number at OpenAI's SIP; yields the URL of its webhook."""
    port = str(unused_port())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "examples" / "sip_number.py"), url, port),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENAI_WEBHOOK_SECRET": SECRET, "OFFICE_HOURS": hours},
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"running on" not in await process.stderr.readline():
                assert process.returncode is None
        yield f"http://127.0.0.1:{port}/openai"
    finally:
        process.terminate()
        await process.communicate()


async def test_a_number_transfers_those_who_ask_for_it_and_is_closed_out_of_hours() -> None:
    app, caller = hearing("Call the tool transfer."), Sound(tone(500), 24_000)
    async with listening(app) as url, asyncio.timeout(50):
        async with number(url, "0-24") as webhook:
            report = await ring(app, RingPlan(webhook_url=webhook, secret=SECRET, caller=caller))
        assert (report.ended_by, report.referred_to) == ("transfer", "tel:+15550199")
        async with number(url, "0-0") as webhook:
            report = await ring(app, RingPlan(webhook_url=webhook, secret=SECRET, caller=caller))
        assert report.sip_status == 480


async def test_the_voice_agent_answers_a_file_with_a_file(url: str, tmp_path: Path) -> None:
    printed = await example("voice_agent.py", url, QUESTION, str(tmp_path / "answer.wav"))
    assert re.fullmatch(r"you: hello\nagent: Hello! .+\n", printed)
    assert read_wav(tmp_path / "answer.wav").duration_ms > 500


async def test_the_voice_agent_calls_functions_and_can_be_interrupted(tmp_path: Path) -> None:
    place = {"response_id": "resp_2", "item_id": "item_2", "output_index": 0, "content_index": 0}
    speech = audio_delta("resp_2", "item_2", b"\1\2" * 24_000)
    calls = calling("resp_1", call("c", "local_time", "{}"))
    interruption = {"type": "input_audio_buffer.speech_started", "item_id": "item_3", "audio_start_ms": 900}
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Send(updated()),
            Send(*(unasked(frame) if callable(frame) else frame for frame in calls)),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(created("resp_2"), added(message("item_2", "assistant", status="in_progress")), *[speech] * 8),
            Send({"type": "response.output_audio_transcript.done", **place, "transcript": "It is late."}),
            Send(ended("resp_2", message("item_2", "assistant", "It is late.", kind="output_audio")), interruption),
        ]
    )
    async with server.listening() as scripted:
        printed = await example("voice_agent.py", scripted, QUESTION, str(tmp_path / "answer.wav"))
    assert printed.splitlines() == ["[calls local_time]", "agent: It is late.", "[interrupted]"]
    assert read_wav(tmp_path / "answer.wav").duration_ms <= 150  # eight seconds came at once
    assert server.faults == []


def hearing(words: str) -> RealtimeApp:
    """A server that hears these words in every sound, and answers as the embedded responder does."""

    return RealtimeApp(engines=partial(load_default, names=SCRIPTED, options={"transcriber": {"lines": [words]}}))


async def test_the_live_agent_does_the_work_that_the_voice_model_hands_over(tmp_path: Path) -> None:
    async with listening(hearing("Where is my parcel?")) as url:
        url = url.removesuffix("/v1/realtime")
        printed = await example("live_agent.py", url, QUESTION, str(tmp_path / "answer.wav"))
    assert sorted(printed.splitlines()) == [
        "[close_requested]",
        "[work for client]",
        "assistant: The parcel arrives on Tuesday.",
        "user: Where is my parcel?",
    ]
    assert read_wav(tmp_path / "answer.wav").duration_ms > 1000


async def test_the_live_agent_runs_its_function_for_a_model_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE_BACKEND", "gpt-5.5")
    async with listening(hearing("Call the tool parcel.")) as url:
        url = url.removesuffix("/v1/realtime")
        printed = await example("live_agent.py", url, QUESTION, str(tmp_path / "answer.wav"))
    assert "[work for responses]" in printed.splitlines()
    assert "assistant: The tool returned The parcel arrives on Tuesday." in printed.splitlines()


async def test_a_model_calls_the_functions_of_the_tools_example() -> None:
    weather, remind = call("call_1", "weather", '{"city":"Oslo"}'), call("call_2", "remind", '{"what":"the umbrella"}')
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(*calling("resp_1", weather, remind)),
            Expect("conversation.item.create"),
            Expect("conversation.item.create"),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Yes, it rains in Oslo.")),
        ]
    )
    async with server.listening() as scripted:
        printed = (await example("tools.py", scripted)).splitlines()
    assert printed[:2] == ["[calls weather]", "[calls remind]"]
    assert printed[2:] == ["[note: the umbrella]", "Yes, it rains in Oslo."]
    outputs = [event["item"]["output"] for event in server.received[0] if "output" in event.get("item", {})]
    assert outputs == ["Rain in Oslo, 7 degrees celsius.", "null"]
    assert server.faults == []


async def test_two_providers_of_two_eras_answer_one_program(url: str) -> None:
    session = {"id": "sess_1", "object": "realtime.session", "model": "m", "modalities": ["text"], "voice": "alloy"}
    place = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    item = message("item_2", "assistant", "Fifty-six.", kind="text")
    response = {"object": "realtime.response", "id": "resp_1", "status": "completed", "output": [item]}
    beta = ScriptedServer(
        [
            Send({"type": "session.created", "session": {**session, "turn_detection": None}}),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Expect("response.create"),
            Send({"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}),
            Send({"type": "conversation.item.created", "previous_item_id": None, "item": item}),
            Send({"type": "response.text.delta", **place, "delta": "Fifty-six."}),
            Send({"type": "response.done", "response": response}),
        ]
    )
    async with beta.listening() as other:
        printed = await example("two_providers.py", url, other)
    assert printed == "1: 7 times 8 is 56.\n2: Fifty-six.\n"
    assert beta.received[0][0]["session"]["modalities"] == ["text"]
    assert "type" not in beta.received[0][0]["session"]


async def test_the_server_example_is_an_application() -> None:
    assert await run("-c", f"import runpy; print(runpy.run_path({str(ROOT / 'examples' / 'serve.py')!r})['app'])")


def listings() -> list[str]:
    """The Python listings of the README, in order: a conversation, a connection, a server."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


async def test_the_readmes_conversation_is_held_in_twelve_lines(url: str) -> None:
    conversation = listings()[0]
    assert len([line for line in conversation.splitlines() if line.strip()]) <= 12
    printed = await run("-c", conversation.replace("ws://127.0.0.1:8000", url))
    assert printed.startswith("7 times 8 is 56.\nUsageSnapshot(")


async def test_the_readmes_connection_shows_a_turn_event_by_event_in_twelve_lines(url: str) -> None:
    client = listings()[1]
    assert len([line for line in client.splitlines() if line.strip()]) <= 12
    printed = await run("-c", client.replace("ws://127.0.0.1:8000", url))
    assert printed.startswith("SessionCreatedEvent(")
    assert "7 times 8 is 56." in printed


def test_the_readmes_server_is_an_application_in_twelve_lines() -> None:
    server = listings()[2]
    assert len([line for line in server.splitlines() if line.strip()]) <= 12
    names: dict[str, object] = {}
    exec(server.replace("uvicorn.run(", "dict(app="), names)
    assert isinstance(names["app"], RealtimeApp)


def listing(page: str, beginning: str) -> str:
    """The Python listing of a page that begins so."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    [found] = [each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if each.startswith(beginning)]
    return str(found)


def in_a_conversation(code: str, url: str) -> str:
    """A program whose conversation this code uses."""
    body = textwrap.indent(code, "        ")
    head = f"async def main():\n    async with duologue.converse({url!r}) as conversation:\n"
    return f"import asyncio, duologue\n{head}{body}\nasyncio.run(main())\n"


async def test_the_tutorials_question_in_a_file_is_answered_in_a_file(url: str, tmp_path: Path) -> None:
    code = listing("tutorial.md", "from duologue.sound import WavSink")
    answer = tmp_path / "answer.wav"
    code = code.replace("ws://127.0.0.1:8000", url).replace('"question.wav"', repr(QUESTION))
    await run("-c", in_a_conversation(code.replace('"answer.wav"', repr(str(answer))), url))
    assert read_wav(answer).duration_ms > 500


async def test_the_synthesizer_of_the_page_on_sources_is_heard(url: str) -> None:
    assert await run("-c", in_a_conversation(listing("howto/sound.md", "import numpy"), url)) == ""


def test_the_pages_that_show_an_example_show_what_is_run() -> None:
    stale = []
    for page in ROOT.glob("docs/howto/*.md"):
        text = page.read_text(encoding="utf-8")
        stale += [
            f"{page.name}: {name}"
            for name in re.findall(r"The whole of it is `examples/(\w+\.py)`", text)
            if (ROOT / "examples" / name).read_text(encoding="utf-8") not in text
        ]
    assert stale == []


def test_every_example_has_a_page_that_explains_it() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/howto/*.md"))
    assert [path.name for path in ROOT.glob("examples/*.py") if f"`examples/{path.name}`" not in pages] == []


def test_no_example_is_longer_than_a_screen_and_the_voice_agents_have_sixty_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("examples/*.py")}
    assert lengths.pop("voice_agent.py") <= 60
    assert lengths.pop("live_agent.py") <= 60
    assert max(lengths.values()) <= 42
