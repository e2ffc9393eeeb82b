"""`duologue serve` with an engine of another package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import duologue
from duologue.events import RealtimeEvent
from tests.cli.conftest import SCRIPTED, serving

PARROT = '''
"""A responder that repeats the user."""


class Parrot:
    name = "parrot"

    async def respond(self, request, /):
        yield request.messages[-1].text
'''


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with an installed package in it."""
    (tmp_path / "parrot_engine.py").write_text(PARROT, encoding="utf-8")
    info = tmp_path / "parrot_engine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-engine\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[duologue.engines]\nresponder.parrot = parrot_engine:Parrot\n", encoding="utf-8"
    )
    return tmp_path


OTHERS = [option for option in SCRIPTED if not option.startswith("--responder")]


def with_installed(folder: Path) -> str:
    """PYTHONPATH with the folder in it."""
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


async def test_an_installed_package_s_responder_answers_by_its_name(installed: Path) -> None:
    content = [{"type": "input_text", "text": "Pieces of eight!"}]
    with serving(*OTHERS, "--responder", "parrot", PYTHONPATH=with_installed(installed)) as url:
        async with duologue.connect(url) as connection:
            for frame in (
                {
                    "type": "conversation.item.create",
                    "item": {"type": "message", "role": "user", "content": content},
                },
                {"type": "response.create", "response": {"output_modalities": ["text"]}},
            ):
                await connection.send(RealtimeEvent.from_json(frame))
            event: RealtimeEvent = await connection.receive(timeout=5)
            while event.type != "response.done":
                event = await connection.receive(timeout=5)
    assert event.to_json()["response"]["output"][0]["content"][0]["text"] == "Pieces of eight!"
