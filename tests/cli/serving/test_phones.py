"""--phone: its keys, its public URL, and what is printed of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.option_sources import NEVER_ARGUMENTS
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.phones import Phones
from duologue.server import Limits
from duologue.telephony.serving.authentication import NoAuthentication, TelnyxAuthentication, TwilioAuthentication
from duologue.telephony.serving.networks import NETWORKS

_URL = "https://voice.example.com"
_KEYS = {
    "twilio": {"twilio_auth_token": "k"},
    "signalwire": {"signalwire_signing_key": "k"},
    "telnyx": {"telnyx_public_key": "p", "telnyx_token": "k"},
    "plivo": {"plivo_auth_token": "k"},
    "vonage": {"vonage_signature_secret": "k"},
    "asterisk": {"asterisk_password": "k"},
    "asterisk-plain": {"asterisk_password": "k"},
}


def _phones(options: ServeOptions) -> Phones:
    phones = Phones.of(options, Limits())
    assert phones is not None
    return phones


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_without_its_keys_does_not_start_unless_it_is_opened(name: str) -> None:
    for missing in _KEYS[name]:
        keys = {each: value for each, value in _KEYS[name].items() if each != missing}
        with pytest.raises(UsageError, match=f"set DUOLOGUE_{missing.upper()}.*--phone-open"):
            Phones.of(ServeOptions(phone=(name,), public_url=_URL, **keys), Limits())  # type: ignore[arg-type]
    assert _phones(ServeOptions(phone=(name,), public_url=_URL, **_KEYS[name])).authentications  # type: ignore[arg-type]
    assert _phones(ServeOptions(phone=(name,), phone_open=True)).authentications == {name: NoAuthentication()}


def test_keys_come_from_files_too_and_are_never_arguments(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hush\n", encoding="utf-8")
    options = ServeOptions(phone=("twilio",), public_url=_URL, twilio_auth_token_file=file)
    assert _phones(options).authentications == {"twilio": TwilioAuthentication("hush")}
    secrets = {name for keys in _KEYS.values() for name in keys} - {"telnyx_public_key"}
    assert secrets <= NEVER_ARGUMENTS


def test_twilio_may_sign_with_sha256() -> None:
    options = ServeOptions(phone=("twilio",), public_url=_URL, twilio_auth_token="k", twilio_sha256=True)
    assert _phones(options).authentications == {"twilio": TwilioAuthentication("k", algorithm="HMAC_SHA256")}


def test_several_networks_may_call() -> None:
    options = ServeOptions(
        phone=("telnyx", "asterisk"), public_url=_URL, telnyx_public_key="p", telnyx_token="t", asterisk_password="a"
    )
    authentications = _phones(options).authentications
    assert list(authentications) == ["telnyx", "asterisk"]
    assert authentications["telnyx"] == TelnyxAuthentication("p", "t")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ServeOptions(phone=("carrier pigeon",)), "known: twilio, signalwire"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush"), "needs --public-url https://HOST"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush", public_url="voice.example.com"), "is expected"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush", public_url="https://a/?b"), "is expected"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush", public_url="https://[x"), "is expected"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush", public_url="https://x:y"), "is expected"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="k", public_url="https://u:hush@a"), "is expected"),
        (ServeOptions(phone=("twilio",), twilio_auth_token="hush", phone_open=True), "lets everybody in"),
        (ServeOptions(public_url=_URL), "--public-url belongs to --phone"),
        (ServeOptions(phone_open=True), "--phone-open belongs to --phone"),
        (ServeOptions(twilio_auth_token="hush"), "belongs to --phone twilio"),
        (ServeOptions(phone=("asterisk-plain",), asterisk_password="a", plivo_auth_token="hush"), "--phone plivo"),
    ],
)
def test_what_cannot_be_is_said_and_no_key_is_quoted(options: ServeOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Phones.of(options, Limits())
    assert "hush" not in str(refused.value)


def test_without_phones_there_are_none() -> None:
    assert Phones.of(ServeOptions(), Limits()) is None


def test_it_says_where_calls_go() -> None:
    options = ServeOptions(
        phone=("twilio", "asterisk"), public_url=f"{_URL}/x/", twilio_auth_token="k", asterisk_password="k"
    )
    assert list(_phones(options).lines("ws://127.0.0.1:8000/v1/realtime")) == [
        "calls of twilio are answered by https://voice.example.com/x/phone/twilio/answer"
        " and come in at wss://voice.example.com/x/phone/twilio",
        "calls of asterisk come in at wss://voice.example.com/x/phone/asterisk",
    ]
    options = ServeOptions(phone=("asterisk",), phone_open=True)
    (line,) = _phones(options).lines("ws://127.0.0.1:8000/v1/realtime")
    assert line == "calls of asterisk come in at ws://127.0.0.1:8000/phone/asterisk"


def test_an_upstream_is_told_instructions_and_voice() -> None:
    options = ServeOptions(phone=("asterisk",), phone_open=True, instructions="Be brief.", voice="marin")
    assert _phones(options).session is None  # the server's own sessions begin with them
    relay = ServeOptions(
        phone=("asterisk",), phone_open=True, instructions="Be brief.", voice="marin", upstream="wss://e.com"
    )
    assert _phones(relay).session == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"output": {"voice": "marin"}},
    }
