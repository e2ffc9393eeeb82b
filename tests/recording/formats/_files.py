"""Files of frames as tools write them, each with what is to be found in it."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from duologue.recording import Direction

UPDATE: Final = {"type": "session.update", "session": {"type": "realtime", "instructions": 'Say "{hi}" — ünïcode'}}
CREATE: Final = {"type": "response.create", "response": {"metadata": {"a": "\\"}}}
CLEARED: Final = {"type": "input_audio_buffer.cleared", "event_id": "event_1"}
DELTA: Final = {"type": "response.output_text.delta", "event_id": "event_2", "delta": '{"a": [1}'}

Told = tuple[Direction | None, dict[str, Any]]

SESSION: Final[list[Told]] = [
    ("sent", UPDATE),
    ("received", CLEARED),
    ("sent", CREATE),
    ("received", DELTA),
]
"""A conversation, in the order that each file has it."""

UNTOLD: Final[list[Told]] = [(None, frame) for _, frame in SESSION]
"""The same in files that do not say which way a message went."""


class Sample(NamedTuple):
    """A file."""

    format: str
    data: bytes
    found: list[Told] = SESSION


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def compact(frame: object) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def har(*sockets: tuple[str, list[dict[str, Any]]], **more: Any) -> bytes:
    """As Chrome's DevTools save it: indented by two, and with much that has nothing to do with WebSockets."""
    page = {"startedDateTime": "2026-11-01T10:00:00.000Z", "id": "page_1", "title": "https://app.example/"}
    entries: list[dict[str, Any]] = [
        {
            "_resourceType": "document",
            "startedDateTime": "2026-11-01T10:00:00.000Z",
            "request": {"method": "GET", "url": "https://app.example/", "headers": []},
            "response": {
                "status": 200,
                "content": {"size": 2, "mimeType": "text/html", "text": '{"type": "no frame"}'},
            },
        }
    ]
    for url, messages in sockets:
        entry = {"_resourceType": "websocket", "_webSocketMessages": messages, "request": {"method": "GET", "url": url}}
        entries.append({**entry, "response": {"status": 101, "statusText": "Switching Protocols"}, "time": 1.5})
    log = {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "pages": [page], **more}
    return json.dumps({"log": {**log, "entries": entries}}, indent=2).encode()


def har_messages(session: list[Told] = SESSION) -> list[dict[str, Any]]:
    names = {"sent": "send", "received": "receive", None: ""}
    return [
        {"type": names[direction], "time": 1761991200.25 + number, "opcode": 1, "data": compact(frame)}
        for number, (direction, frame) in enumerate(session)
    ]


def protocol_message(direction: Direction | None, frame: dict[str, Any]) -> dict[str, Any]:
    """Of the Chrome DevTools Protocol."""
    name = "Network.webSocketFrameSent" if direction == "sent" else "Network.webSocketFrameReceived"
    response = {"opcode": 1, "mask": direction == "sent", "payloadData": compact(frame)}
    return {"method": name, "params": {"requestId": "7.2", "timestamp": 11.5, "response": response}}


OTHER_PROTOCOL: Final = [
    {"method": "Network.webSocketCreated", "params": {"requestId": "7.2", "url": "wss://api.openai.com/v1/realtime"}},
    {
        "method": "Network.responseReceived",
        "params": {"requestId": "8.1", "response": {"url": "https://x", "status": 200}},
    },
    {"id": 4, "result": {}},
]

_ARROWS = {"sent": ">", "received": "<", None: ""}
_WORDS = {"sent": "Sending", "received": "Received", None: ""}
_EVENTS = {"sent": "framesent", "received": "framereceived", None: ""}

SAMPLES: Final[dict[str, Sample]] = {
    "HAR of DevTools": Sample("a HAR file", har(("wss://api.openai.com/v1/realtime?model=m", har_messages()))),
    "HAR in one line": Sample("a HAR file", json.dumps(json.loads(har(("wss://x.example/", har_messages())))).encode()),
    "Puppeteer": Sample(
        "a log of the DevTools protocol",
        lines(*map(compact, [*OTHER_PROTOCOL[:2], *(protocol_message(*told) for told in SESSION)])),
    ),
    "performance log of chromedriver": Sample(
        "a log of the DevTools protocol",
        lines(
            *(
                compact(
                    {"level": "INFO", "message": compact({"message": message, "webview": "AB"}), "timestamp": 1761991}
                )
                for message in [*OTHER_PROTOCOL[:2], *(protocol_message(*told) for told in SESSION)]
            )
        ),
    ),
    "DEBUG=pw:protocol": Sample(
        "a log of the DevTools protocol",
        lines(
            *(
                f"2026-11-01T10:00:00.000Z pw:protocol \x1b[0m◀ RECV {compact(protocol_message(*told))} +2ms"
                for told in SESSION
            )
        ),
    ),
    "Playwright trace": Sample(
        "a Playwright trace",
        lines(
            compact({"version": 8, "type": "context-options", "origin": "library", "browserName": "chromium"}),
            compact({"type": "before", "callId": "call@1", "class": "Page", "method": "goto", "params": {"url": "x"}}),
            compact(
                {"type": "resource-snapshot", "snapshot": {"startedDateTime": "x", "request": {"url": "https://x"}}}
            ),
            compact(
                {
                    "type": "resource-snapshot",
                    "snapshot": {
                        "startedDateTime": "2026-11-01T10:00:00.000Z",
                        "request": {"method": "GET", "url": "wss://x.example/v1/realtime"},
                        "_webSocketMessages": har_messages(),
                    },
                }
            ),
        ),
    ),
    "handlers of Playwright's websocket": Sample(
        "JSON lines", lines(*(compact({"event": _EVENTS[d], "payload": compact(frame)}) for d, frame in SESSION))
    ),
    "wscat": Sample(
        "a log",
        lines(
            "Connected (press CTRL+C to quit)",
            *(f"{_ARROWS[d]} {compact(frame)}" for d, frame in SESSION),
            'Disconnected (code: 1000, reason: "")',
        ),
    ),
    "wscat without the line of the connection": Sample(
        "a log", lines(*(f"{_ARROWS[d]} {compact(frame)}" for d, frame in SESSION))
    ),
    "wscat, indented": Sample("a log", lines(*(f"{_ARROWS[d]} {json.dumps(frame, indent=2)}" for d, frame in SESSION))),
    "websocat": Sample("JSON lines", lines(*(compact(frame) for _, frame in SESSION)), UNTOLD),
    "websockets, of Python": Sample(
        "a log",
        lines(
            "DEBUG:websockets.client:= connection is CONNECTING",
            "DEBUG:websockets.client:> GET /v1/realtime?model=m HTTP/1.1",
            *(
                f"DEBUG:websockets.client:{_ARROWS[d]} TEXT {compact(frame)!r} [{len(compact(frame).encode())} bytes]"
                for d, frame in SESSION
            ),
            "DEBUG:websockets.client:% sending keepalive ping",
        ),
    ),
    "logging of Python": Sample(
        "a log",
        lines(
            *(
                f"2026-11-01 10:00:0{n},250 - agent.realtime - DEBUG - {_WORDS[d]} event: {compact(frame)}"
                for n, (d, frame) in enumerate(SESSION)
            )
        ),
    ),
    "times in brackets and two arrows": Sample(
        "a log",
        lines(*(f"[10:00:0{n}.250] [ws] {2 * _ARROWS[d]} {compact(frame)}" for n, (d, frame) in enumerate(SESSION))),
    ),
    "client -> server": Sample(
        "a log",
        lines(
            *(f"{'client -> server' if d == 'sent' else 'server -> client'}: {compact(frame)}" for d, frame in SESSION)
        ),
    ),
    "console of a browser": Sample(
        "a log",
        lines(*(f"main.js:12 {'⬆️ sent' if d == 'sent' else '⬇️ got'} {compact(frame)}" for d, frame in SESSION)),
        [(direction, frame) for direction, frame in SESSION],
    ),
    "a line above each message": Sample(
        "a log",
        lines(*(f"{_WORDS[d]}:\n{json.dumps(frame, indent=2)}" for d, frame in SESSION)),
    ),
    "mitmdump": Sample(
        "a log",
        lines(
            "[10:00:00.250] HTTP(S) proxy listening at *:8080.",
            *(
                f"10.0.0.1:5000 {'->' if d == 'sent' else '<-'} WebSocket text message"
                f" {'->' if d == 'sent' else '<-'} api.example:443/v1/realtime\n\n    {compact(frame)}\n"
                for d, frame in SESSION
            ),
        ),
    ),
    "websocat -v": Sample(
        "a log",
        lines(
            "[INFO  websocat::lints] Auto-inserting the line mode",
            *(compact(frame) for _, frame in SESSION),
            "[INFO  websocat::ws_peer] Received WebSocket close message",
        ),
        UNTOLD,
    ),
    "a spreadsheet": Sample(
        "a log",
        lines(
            "time,direction,message",
            *(f'10:00:00,{d},"{compact(frame).replace(chr(34), 2 * chr(34))}"' for d, frame in SESSION),
        ),
    ),
    "texts in quotes": Sample(
        "a log", lines(*(f"ws {_WORDS[d].lower()}: {json.dumps(compact(frame))}" for d, frame in SESSION))
    ),
    "print() of dictionaries": Sample("JSON lines", lines(*(repr(frame) for _, frame in SESSION)), UNTOLD),
    "JSON array": Sample("a JSON array", json.dumps([frame for _, frame in SESSION]).encode(), UNTOLD),
    "indented array": Sample("a JSON array", json.dumps([frame for _, frame in SESSION], indent=4).encode(), UNTOLD),
    "array of an element on each line": Sample(
        "a JSON array", b"[\n" + b",\n".join(compact(frame).encode() for _, frame in SESSION) + b"\n]\n", UNTOLD
    ),
    "array of pairs": Sample("a JSON array", json.dumps([[d, frame] for d, frame in SESSION]).encode()),
    "array of envelopes": Sample(
        "a JSON array",
        json.dumps(
            [{"type": "send" if d == "sent" else "receive", "data": compact(frame)} for d, frame in SESSION]
        ).encode(),
    ),
    "object of events": Sample(
        "JSON lines",
        json.dumps({"session": "s", "events": [{"dir": d, "msg": frame} for d, frame in SESSION]}, indent=1).encode(),
    ),
    "indented objects": Sample("JSON lines", lines(*(json.dumps(frame, indent=2) for _, frame in SESSION)), UNTOLD),
    "objects without lines": Sample("JSON lines", "".join(compact(f) for _, f in SESSION).encode(), UNTOLD),
    "sequence of texts": Sample("JSON lines", lines(*(f"\x1e{compact(frame)}" for _, frame in SESSION)), UNTOLD),
    "direction and data": Sample(
        "JSON lines", lines(*(compact({"direction": d, "data": frame}) for d, frame in SESSION))
    ),
    "ts and event": Sample(
        "JSON lines", lines(*(compact({"ts": 1.5, "event": frame}) for _, frame in SESSION)), UNTOLD
    ),
    "from and message": Sample(
        "JSON lines",
        lines(
            *(
                compact({"from": "client" if d == "sent" else "server", "message": compact(frame)})
                for d, frame in SESSION
            )
        ),
    ),
    "records of a structured log": Sample(
        "JSON lines",
        lines(
            compact({"level": "info", "time": 1761991200250, "msg": "connected"}),
            *(
                compact({"level": "debug", "time": 1761991200250, "msg": f"{_WORDS[d]} message: {compact(frame)}"})
                for d, frame in SESSION
            ),
        ),
    ),
}
