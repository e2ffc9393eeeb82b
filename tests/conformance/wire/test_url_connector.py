"""Connections to a URL, special ones included."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection, serve

from duologue.client.endpoint import Endpoint
from duologue.conformance import ConnectOptions, Family, open_endpoint_of
from duologue.transports import Transport


async def test_what_is_special_about_a_connection_is_in_its_handshake() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        headers = socket.request.headers
        seen.append((socket.request.path, headers.get("Authorization"), headers.get("OpenAI-Beta")))
        await socket.wait_closed()

    openings = (
        ConnectOptions(),
        ConnectOptions(intent="transcription"),
        ConnectOptions(api_key="wrong"),
        ConnectOptions(model="other"),
        ConnectOptions(model=""),
        ConnectOptions(beta=True),
    )
    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        open_transport = open_endpoint_of(Endpoint(url=url, model="m", api_key="right"))
        for options in openings:
            await (await open_transport(options)).close()
    path, key = "/v1/realtime?model=m", "Bearer right"
    assert seen == [
        (path, key, None),
        ("/v1/realtime?intent=transcription", key, None),
        (path, "Bearer wrong", None),
        ("/v1/realtime?model=other", key, None),
        ("/v1/realtime", key, None),
        (path, key, "realtime=v1"),
    ]


async def test_a_wrapper_is_put_around_every_connection() -> None:
    wrapped: list[Transport] = []

    def wrap(transport: Transport) -> Transport:
        wrapped.append(transport)
        return transport

    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as server:
        open_transport = open_endpoint_of(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", wrap=wrap)
        for _ in range(2):
            await (await open_transport(ConnectOptions())).close()
    assert len(wrapped) == 2


async def test_each_family_has_its_endpoint() -> None:
    seen: list[str] = []

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request.path)
        await socket.wait_closed()

    openings: tuple[tuple[Family, ConnectOptions], ...] = (
        ("live", ConnectOptions()),
        ("live", ConnectOptions(attach="live_1")),
        ("live", ConnectOptions(fork="live_1")),
        ("translation", ConnectOptions()),
        ("translation", ConnectOptions(model="other")),
    )
    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for family, options in openings:
            await (await open_endpoint_of(url, family=family)(options)).close()
            await (await open_endpoint_of(f"{url}/v1", family=family)(options)).close()
    assert seen[::2] == seen[1::2]
    assert seen[::2] == [
        "/v1/live/sessions",
        "/v1/live/sessions/live_1/attach?graceful_close=true",
        "/v1/live/sessions/live_1/fork",
        "/v1/realtime/translations?model=gpt-realtime-translate",
        "/v1/realtime/translations?model=other",
    ]


async def test_a_live_key_goes_where_the_dialect_has_it_and_the_model_not_into_the_url() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        headers = socket.request.headers
        seen.append((socket.request.path, headers.get("Authorization"), headers.get("api-key")))
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for dialect in ("auto", "azure-live"):
            endpoint = Endpoint(url=url, api_key="right", dialect=dialect, model="m")
            await (await open_endpoint_of(endpoint, family="live")(ConnectOptions())).close()
    assert seen == [
        ("/v1/live/sessions", "Bearer right", None),
        ("/openai/v1/live/sessions", None, "right"),
    ]
