"""Items that clients create: pictures, and the audio in them."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events.base import encode_audio
from duologue.testing import Pair
from tests.protocol._wire import client_event, invalid, raw, types, update

PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    "url",
    ["http://h/a.png", "https://h/a.png", "file:///etc/passwd", "//h/a.png", "", "data:", "data:text/html;base64,AA==",
     "data:image/png,AA", " data:image/png;base64,AA==", "data:image/svg+xml;utf8,<svg/>", "data:image/png;base64,é"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["conversation.item.create", "response.create"])
def test_a_picture_is_a_data_uri_and_an_address_is_rejected(pair: Pair, url: str, way: str) -> None:
    def message(image_url: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": image_url}]
        item = {"type": "message", "role": "user", "content": content}
        return (
            {"type": way, "item": item} if way.endswith("item.create") else {"type": way, "response": {"input": [item]}}
        )

    error = invalid(raw(pair, message(url)))
    path = "item" if way.endswith("item.create") else "response.input[0]"
    assert (error["code"], error["param"]) == ("invalid_value", f"{path}.content[1].image_url")


@pytest.mark.parametrize(
    "url", [PICTURE, "data:image/jpeg;base64,AA==", "DATA:image/svg+xml;charset=utf-8;base64,AA=="]
)
def test_a_data_uri_of_a_picture_is_taken(pair: Pair, url: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url}]}
    assert "error" not in types(raw(pair, {"type": "conversation.item.create", "item": item}))


def test_an_append_holds_up_to_15_mib_of_audio(pair: Pair) -> None:
    most = 15 * 1024 * 1024
    pair.send(update(audio={"input": {"turn_detection": None}}))
    assert pair.send(client_event("input_audio_buffer.append", audio=encode_audio(bytes(most)))) == []
    held_ms = pair.server._input._audio.held_ms
    error = invalid(pair.send(client_event("input_audio_buffer.append", audio=encode_audio(bytes(most + 1)))))
    assert (error["code"], error["param"]) == ("invalid_value", "audio")
    assert "15728640 bytes" in error["message"]
    assert pair.server._input._audio.held_ms == held_ms
