"""--audiosocket: where it listens, and who may call."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.audiosocket import AudioSocketPlace
from duologue.cli.serving.option_sources import NEVER_ARGUMENTS
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.phones import Phones
from duologue.server import Limits, RealtimeApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.testing.engines import scripted_app_engines

_ID = "40325ec2-5efd-4bd3-805f-53576e581d13"


def _place(options: ServeOptions) -> AudioSocketPlace | None:
    return AudioSocketPlace.of(options, max_calls=5)


@pytest.mark.parametrize("address", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090"])
def test_this_machine_may_call_without_an_id(address: str) -> None:
    place = _place(ServeOptions(audiosocket=address))
    assert place is not None
    assert (place.shown, place.call_id) == (address, None)


def test_other_machines_need_an_id_or_phone_open() -> None:
    with pytest.raises(UsageError, match="lets other machines call at your expense"):
        _place(ServeOptions(audiosocket="0.0.0.0:8090"))
    assert _place(ServeOptions(audiosocket="0.0.0.0:8090", phone_open=True)) is not None
    place = _place(ServeOptions(audiosocket="0.0.0.0:8090", audiosocket_id=_ID.upper()))
    assert place is not None
    assert place.call_id == _ID


def test_the_id_comes_from_a_file_too_and_is_never_an_argument(tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text(f"{_ID}\n", encoding="utf-8")
    place = _place(ServeOptions(audiosocket="127.0.0.1:8090", audiosocket_id_file=file))
    assert place is not None
    assert place.call_id == _ID
    assert "audiosocket_id" in NEVER_ARGUMENTS


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ServeOptions(audiosocket_id=_ID), "belongs to --audiosocket HOST:PORT"),
        (ServeOptions(audiosocket="8090"), "HOST:PORT is expected"),
        (ServeOptions(audiosocket="127.0.0.1"), "HOST:PORT is expected"),
        (ServeOptions(audiosocket="127.0.0.1:99999"), "HOST:PORT is expected"),
        (ServeOptions(audiosocket="a@b:1"), "HOST:PORT is expected"),
        (ServeOptions(audiosocket="127.0.0.1:8090", audiosocket_id="hush"), "no UUID"),
        (ServeOptions(audiosocket="127.0.0.1:8090", workers="2"), "one process"),
        (ServeOptions(audiosocket="127.0.0.1:8090", audiosocket_id=_ID, phone_open=True), "lets everybody in"),
    ],
)
def test_what_cannot_be_is_said_and_no_id_is_quoted(options: ServeOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        _place(options)
    assert "hush" not in str(refused.value)
    assert _ID not in str(refused.value)


def test_it_is_one_of_the_phones() -> None:
    phones = Phones.of(ServeOptions(audiosocket="127.0.0.1:8090", phone_hang_up=True), Limits())
    assert phones is not None
    assert list(phones.lines("ws://127.0.0.1:8000/v1/realtime")) == ["calls over AudioSocket come in at 127.0.0.1:8090"]


async def test_a_port_in_use_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        place = _place(ServeOptions(audiosocket=f"127.0.0.1:{used.getsockname()[1]}"))
        assert place is not None
        with pytest.raises(UsageError, match="cannot listen there"):
            async with place.listening(PhoneSessions(RealtimeApp(engines=scripted_app_engines()))):
                pass
