from __future__ import annotations

import pytest

from duologue import connect
from duologue.dialects import detect
from duologue.errors import ConnectionClosed
from duologue.server.http.paths import PATH, PATHS, live_request_of, path_of, right_path, top_of
from duologue.server.session_start import LiveRequest
from tests.server._listening import listening, scripted_app
from tests.server._scopes import scope
from tests.server._talking import event, until


@pytest.mark.parametrize("path", [path for path, dialect in PATHS.items() if dialect is not None])
def test_a_path_says_the_dialect_that_our_own_client_takes_it_for(path: str) -> None:
    assert detect(f"wss://server{path}").dialect == PATHS[path]


def test_a_mount_s_own_path_is_none_of_the_application_s() -> None:
    assert path_of(scope(path=f"/voice{PATH}", root_path="/voice")) == PATH
    assert path_of(scope(path=PATH)) == PATH


@pytest.mark.parametrize(
    ("path", "top"),
    [("/phone/x", "phone"), ("/phone", "phone"), ("/", ""), ("/phonebook", "phonebook"), ("//phone", "")],
)
def test_the_first_part_of_a_path_says_who_serves_it(path: str, top: str) -> None:
    assert top_of(scope(path=path)) == top
    assert top_of(scope(path=f"/voice{path}", root_path="/voice")) == top
    assert top_of({"type": "lifespan"}) == ""


@pytest.mark.parametrize("path", PATHS)
async def test_a_typed_turn_at_every_path(path: str) -> None:
    async with listening(scripted_app()) as url:
        place = url.replace(PATH, path)
        async with connect(place, query={"deployment": "my-voice"}) as connection:
            created = (await until(connection, "session.created"))[-1].to_json()
            await connection.send(event("response.create", response={"output_modalities": ["text"]}))
            events = await until(connection, "response.done")
            assert connection.dialect == (PATHS[path] or "openai")
    assert created["session"]["model"] == "my-voice"
    assert "response.output_text.done" in {one.type for one in events}


async def test_a_server_that_refuses_the_beta_refuses_it_at_azure_s_path_too() -> None:
    app = scripted_app(refuse_beta=True)
    async with (
        listening(app) as url,
        connect(url.replace(PATH, "/openai/realtime"), dialect="openai") as connection,
    ):
        [refused] = await until(connection, "error")
        with pytest.raises(ConnectionClosed) as closed:
            await connection.receive(timeout=5)
    assert refused.to_json()["error"]["code"] == "beta_api_shape_disabled"
    assert closed.value.code == 4000


LIVE = [
    ("/v1/live/sessions", LiveRequest()),
    ("/openai/v1/live/sessions", LiveRequest()),
    ("/v1/live/sessions/live_1/attach", LiveRequest(verb="attach", session_id="live_1")),
    ("/openai/v1/live/sessions/live_1/fork", LiveRequest(verb="fork", session_id="live_1")),
    ("/openai/live/sessions", None),
    ("/v1/live/sessions/live_1", None),
    ("/v1/live/sessions/live_1/attach/again", None),
    ("/v1/live/sessions//attach", None),
    (f"/v1/live/sessions/{'a' * 129}/attach", None),
    ("/v1/realtime", None),
]


@pytest.mark.parametrize(("path", "wanted"), LIVE)
def test_a_live_path_says_what_the_client_wants(path: str, wanted: LiveRequest | None) -> None:
    assert live_request_of(scope(path=path)) == wanted


def test_a_sideband_may_ask_for_a_close_frame_at_the_end() -> None:
    wanted = live_request_of(scope(path="/v1/live/sessions/live_1/attach", query="graceful_close=true"))
    assert wanted == LiveRequest(verb="attach", session_id="live_1", graceful_close=True)


@pytest.mark.parametrize(
    ("path", "right"),
    [("/openai/live/sessions", "/v1/live/sessions"), ("/v1/live", "/v1/live/sessions"), ("/realtime", "/v1/realtime")],
)
def test_a_wrong_path_is_answered_by_the_right_one(path: str, right: str) -> None:
    assert right_path(scope(path=path)) == right
    assert right_path(scope(path=f"/voice{path}", root_path="/voice")) == f"/voice{right}"
