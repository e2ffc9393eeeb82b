"""Secrets in what is recorded."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.recording import secrets
from duologue.recording.secrets import scrubbed, scrubbed_json, scrubbed_text, url_without_keys

AUDIO = base64.b64encode(bytes(range(256)) * 40).decode()
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
KEYS = st.builds(
    lambda prefix, rest: prefix + rest,
    st.sampled_from(["sk-", "sk-proj-", "sk-svcacct-", "ek_"]),
    st.text(st.sampled_from("abcXYZ0189_-"), min_size=8, max_size=60),
)


def frame_text(message: str) -> str:
    found = scrubbed(message)
    assert isinstance(found, str)
    return found


def spelled(text: str, escapes: list[bool]) -> str:
    """JSON of a text in which some characters are spelled by escapes."""
    pairs = zip(text, [*escapes, *[False] * len(text)], strict=False)
    return '"' + "".join(f"\\u{ord(each):04x}" if is_escaped else each for each, is_escaped in pairs) + '"'


@given(key=KEYS, escapes=st.lists(st.booleans(), max_size=70), before=WORDS, cut=st.booleans())
def test_no_spelling_of_a_key_is_left_in_a_frame(key: str, escapes: list[bool], before: str, cut: bool) -> None:
    frame = f'{{"type":"x","note":{json.dumps(before + " ")},"session":{{"deep":[{spelled(key, escapes)}]}}}}'
    frame = frame[:-2] if cut else frame  # then it is no JSON
    without = frame_text(frame)
    assert key not in without
    assert key not in re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), without)


@given(key=KEYS, before=WORDS, after=WORDS)
def test_a_key_is_found_in_json_inside_of_a_string(key: str, before: str, after: str) -> None:
    arguments = json.dumps({"text": before, "key": key, "more": after})
    assert key not in frame_text(json.dumps({"type": "x", "arguments": arguments}))
    inner = arguments.replace(key, "".join(f"\\u{ord(each):04x}" for each in key))
    without = json.loads(frame_text(json.dumps({"arguments": inner})))["arguments"]
    assert key not in without
    assert without == f"(secret, {len(inner)} characters)"


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("sk-proj-abc123XYZ", "(secret, 17 characters)"),
        ("a key: ek_68a1b2c3.", "a key: (secret, 11 characters)."),
        ("Authorization: Bearer eyJhbGciOi.J9.x", "Authorization: Bearer (secret, 15 characters)"),
        ("bearer ABCDEFGHIJ", "bearer (secret, 10 characters)"),
        ("key_sk-abc12345", "key_(secret, 11 characters)"),
    ],
)
def test_what_is_left_says_how_long_the_secret_was(told: str, written: str) -> None:
    assert scrubbed_text(told) == written
    assert json.loads(frame_text(json.dumps({"a": told}))) == {"a": written}


@pytest.mark.parametrize(
    "text",
    ["task-oriented", "week_2024_12", "the bearer of news", "sk-SK", '{"headers":{"a":"b"}}', "(secret, 5 characters)"],
)
def test_words_are_no_keys(text: str) -> None:
    assert scrubbed_text(text) == text if "headers" not in text else frame_text(text) == text


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (
            {"session": {"client_secret": {"value": "any", "expires_at": 7}}},
            {"session": {"client_secret": {"value": "(secret, 3 characters)", "expires_at": 7}}},
        ),
        (
            {"tools": [{"type": "mcp", "authorization": "let me in", "headers": {"x-key": "abc", "n": 1}}]},
            {
                "tools": [
                    {
                        "type": "mcp",
                        "authorization": "(secret, 9 characters)",
                        "headers": {"x-key": "(secret, 3 characters)", "n": "(secret, 1 characters)"},
                    }
                ]
            },
        ),
        ({"server_url": "https://a:b@mcp.example/x?key=1"}, {"server_url": "https://mcp.example/x"}),
        ({"Api-Key": "abc"}, {"Api-Key": "(secret, 3 characters)"}),
    ],
)
def test_fields_that_hold_secrets_are_known_by_their_names(frame: Any, written: Any) -> None:
    assert json.loads(frame_text(json.dumps(frame))) == written
    damaged = frame_text(json.dumps(frame)[:-1])
    assert not re.search(r"any|let me in|abc|a:b@", damaged.replace("Api-Key", ""))


@pytest.mark.parametrize(
    "before",
    ['{"authorization":"', '{"headers":{"x-key":"', '{"client_secret":{"value":"'],
    ids=["field", "headers", "value"],
)
def test_a_long_key_is_no_audio_also_in_a_damaged_frame(before: str) -> None:
    for end in ("", '"', '","more":"' + AUDIO):
        without = frame_text(f"{before}{AUDIO[:5000]}{end}")
        assert AUDIO[:5000] not in without.removesuffix(AUDIO)


def test_a_function_may_have_a_parameter_of_such_a_name() -> None:
    frame = {"tools": [{"type": "function", "parameters": {"properties": {"headers": {"type": "object"}}}}]}
    assert frame_text(json.dumps(frame)) == json.dumps(frame)


def test_a_field_that_comes_twice_hides_nothing() -> None:
    assert "plain" not in frame_text('{"tools":[{"type":"mcp","authorization":"plain","authorization":null}]}')
    assert "sk-abcdefgh" not in frame_text('{"a":"sk-abcdefgh1","a":"b"}')


def test_a_frame_without_secrets_stays_as_it_was() -> None:
    for frame in ('{ "a" : 1.0,  "client_secret": null }', "no JSON", "", '{"a":"\\u00e9\\u0041"}'):
        assert frame_text(frame) == frame


def test_audio_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def look(text: str) -> bool:
        looked_at.append(len(text))
        return True  # as if there were something to find

    monkeypatch.setattr(secrets, "may_hold_secret", look)
    frame = json.dumps({"type": "input_audio_buffer.append", "audio": AUDIO, "event_id": "event_1"})
    assert frame_text(frame) == frame
    assert frame_text(frame[:-40]) == frame[:-40]
    assert max(looked_at) < 200


def test_what_only_looks_like_audio_is_looked_through() -> None:
    frame = json.dumps({"audio": AUDIO + " sk-abcdefgh123 " + AUDIO})
    assert "sk-abcdefgh123" not in frame_text(frame)
    assert "sk-abcdefgh123" not in frame_text(frame[:-5])
    behind = json.dumps({"audio": AUDIO, "more": "sk-abcdefgh123", "delta": AUDIO})
    assert json.loads(frame_text(behind)) == {"audio": AUDIO, "more": "(secret, 14 characters)", "delta": AUDIO}
    assert "sk-abcdefgh123" not in frame_text(behind[:-5])


def test_binary_messages_are_looked_through_if_they_are_text() -> None:
    assert scrubbed(b'{"a":"sk-abcdefgh123"}') == b'{"a":"(secret, 14 characters)"}'
    assert scrubbed(b'{"a":"sk-abcdefgh123 \xff"') == b'{"a":"(secret, 14 characters) \xff"'
    audio = b"\xff\x00sk-abcdefgh123"
    assert scrubbed(audio) is audio


def test_what_nests_too_deeply_to_be_looked_through_is_left_out() -> None:
    deep: Any = "Bearer 12345"
    for _ in range(300):
        deep = [deep]
    assert "12345" not in json.dumps(scrubbed_json({"a": deep}))


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("wss://u:p@h:80/v1/realtime?model=m&api-key=k&intent=transcription", "wss://h:80/v1/realtime?model=m&intent=transcription"),
        ("wss://h/sk-abcdefgh123/x#ek_12345678", "wss://h/(secret, 14 characters)/x"),
        ("ws://[::1", "(an address that is no URL)"),
    ],
)  # fmt: skip
def test_of_a_url_no_key_is_left(url: str, written: str) -> None:
    assert url_without_keys(url) == written
