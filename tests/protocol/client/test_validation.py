"""What a server would reject is rejected before it is sent, with a hint on what to do."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.errors import LocalProtocolError
from duologue.events import ClientEvent, RealtimeEvent, ResponseCreateEvent
from duologue.events.base import encode_audio
from duologue.protocol.client.validation import LOCAL_CHECKS, MAX_APPEND_BYTES, LocalChecks
from tests.protocol._wire import command, rejected, server_event


def append(n_bytes: int) -> ClientEvent:
    return command("input_audio_buffer.append", audio=encode_audio(bytes(n_bytes)))


def commit() -> ClientEvent:
    return command("input_audio_buffer.commit", event_id="me")


def update(**session: Any) -> ClientEvent:
    return command("session.update", event_id="me", session={"type": "realtime", **session})


def session(**fields: Any) -> RealtimeEvent:
    wire = {"type": "realtime", "id": "s", "object": "realtime.session", **fields}
    return server_event("session.updated", session=wire)


def without_turn_detection(*, off: tuple[str, ...] = ()) -> LocalChecks:
    checks = LocalChecks(off=off)
    checks.receive(session(audio={"input": {"turn_detection": None}}))
    return checks


def respond(**response: Any) -> ResponseCreateEvent:
    event = command("response.create", **({"response": response} if response else {}))
    assert isinstance(event, ResponseCreateEvent)
    return event


def format_of(type: str, **fields: Any) -> dict[str, Any]:
    return {"input": {"format": {"type": type, **fields}}}


def send(checks: LocalChecks, *events: ClientEvent) -> None:
    for event in events:
        checks.check(event)
        checks.sent(event)


def spoken() -> RealtimeEvent:
    where = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    return server_event("response.output_audio.delta", delta="AAAA", **where)


@pytest.mark.parametrize("sizes", [[], [4798], [2400, 2398]], ids=["nothing", "99 ms", "in two"])
def test_pain_16_a_commit_of_less_than_100_ms_is_rejected(sizes: list[int]) -> None:
    checks = LocalChecks()
    send(checks, *map(append, sizes))
    with pytest.raises(LocalProtocolError, match=r"input_audio_buffer\.commit: \d+ ms .* 100 ms .*append more"):
        checks.check(commit())
    send(checks, append(4800 - sum(sizes)), commit())


def test_pain_16_audio_that_was_committed_cleared_or_ended_a_turn_counts_no_more() -> None:
    checks = LocalChecks()
    send(checks, append(4800), commit())
    assert checks.buffered_ms == 0
    send(checks, append(4800), command("input_audio_buffer.clear"), append(960))
    assert checks.buffered_ms == 20
    send(checks, append(9600))
    assert checks.buffered_ms == 220
    checks.receive(server_event("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=400))
    assert checks.buffered_ms == 20
    checks.receive(server_event("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=9999))
    assert checks.buffered_ms == 0


def test_pain_16_a_commit_that_the_server_rejects_consumes_no_audio() -> None:
    checks = LocalChecks()
    send(checks, append(4800), commit())
    checks.receive(rejected("me"))
    assert checks.buffered_ms == 100


def test_pain_16_a_new_connection_has_no_audio_yet() -> None:
    checks = LocalChecks()
    send(checks, append(4800))
    checks.receive(spoken())
    checks.connected()
    assert checks.buffered_ms == 0
    assert not checks.has_spoken


def test_pain_12_audio_of_another_rate_or_codec_is_rejected() -> None:
    checks = LocalChecks()
    checks.check_audio(480, encoding=PCM)
    with pytest.raises(LocalProtocolError, match=r"audio/pcm at 8000 Hz .* audio/pcm at 24000 Hz.*convert it"):
        checks.check_audio(160, encoding=Encoding.of("audio/pcm", 8000))
    with pytest.raises(LocalProtocolError, match="audio/pcmu at 8000 Hz"):
        checks.check_audio(160, encoding=PCMU)


def test_pain_12_half_a_sample_is_rejected() -> None:
    with pytest.raises(LocalProtocolError, match="481 bytes are not whole audio/pcm samples"):
        LocalChecks().check(append(481))
    with pytest.raises(LocalProtocolError, match="481 bytes"):
        LocalChecks().check_audio(481)


def test_pain_12_the_format_is_that_of_the_session_from_the_moment_it_is_asked_for() -> None:
    checks = LocalChecks()
    send(checks, append(4800), update(audio=format_of("audio/pcmu")))
    checks.check_audio(161, encoding=PCMU)
    assert checks.buffered_ms == 100
    checks.receive(session(audio=format_of("audio/pcm")))  # the answer to an earlier update
    assert checks.input_encoding == PCMU
    checks.receive(session(audio=format_of("audio/pcmu")))
    checks.receive(session(audio=format_of("audio/pcma")))
    assert checks.input_encoding == PCMA
    send(checks, update(audio=format_of("audio/pcmu")))
    checks.receive(rejected("me"))
    assert checks.input_encoding == PCMA


def test_pain_12_an_unknown_format_is_not_checked() -> None:
    checks = LocalChecks()
    checks.receive(session(audio=format_of("audio/opus")))
    checks.check_audio(481, encoding=PCM)
    checks.check(commit())
    checks.receive(session(audio=format_of("audio/pcm", rate=-1)))
    assert checks.input_encoding is None


def test_more_audio_than_one_event_may_carry_is_rejected() -> None:
    checks = LocalChecks()
    checks.check_audio(MAX_APPEND_BYTES)
    checks.check(append(MAX_APPEND_BYTES))
    with pytest.raises(LocalProtocolError, match="send them in several"):
        checks.check_audio(MAX_APPEND_BYTES + 2)
    with pytest.raises(LocalProtocolError, match=str(MAX_APPEND_BYTES + 2)):
        checks.check(append(MAX_APPEND_BYTES + 2))


@pytest.mark.parametrize("modalities", [["audio", "text"], ["text", "audio"], [], ["smell"]], ids=str)
def test_text_and_audio_together_are_rejected(modalities: list[str]) -> None:
    checks = LocalChecks()
    for event in (
        update(output_modalities=modalities),
        command("response.create", response={"output_modalities": modalities}),
    ):
        with pytest.raises(LocalProtocolError, match=rf"{event.type}: output_modalities"):
            checks.check(event)
    send(checks, update(output_modalities=["text"]), command("response.create"), update())


def test_another_voice_is_rejected_after_the_model_has_spoken() -> None:
    checks = LocalChecks()
    checks.receive(session(audio={"output": {"voice": "alloy"}}))
    change = update(audio={"output": {"voice": "echo"}})
    checks.check(change)
    checks.receive(spoken())
    with pytest.raises(LocalProtocolError, match="voice cannot change to 'echo'"):
        checks.check(change)
    send(checks, update(audio={"output": {"voice": "alloy"}}), update(audio={"output": {}}), update(audio={}), update())


def test_ids_and_metadata_beyond_the_limits_are_rejected() -> None:
    checks = LocalChecks()
    checks.check(command("response.cancel", event_id="x" * 512))
    with pytest.raises(LocalProtocolError, match=r"response\.cancel: its event_id has 513 characters"):
        checks.check(command("response.cancel", event_id="x" * 513))
    pairs = {str(number): "v" for number in range(16)}
    for metadata in (None, {}, pairs, {"k" * 64: "v" * 512}):
        checks.check(command("response.create", response={"metadata": metadata}))
    for metadata, words in (
        ({**pairs, "one": "more"}, "17 pairs"),
        ({"k" * 65: ""}, "a key of 65"),
        ({"k": "v" * 513}, "a value of 513 characters under 'k'"),
    ):
        with pytest.raises(LocalProtocolError, match=words):
            checks.check(command("response.create", response={"metadata": metadata}))


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("append_size", append(MAX_APPEND_BYTES + 2)),
        ("append_format", append(3)),
        ("commit_length", commit()),
        ("modalities", update(output_modalities=[])),
        ("voice", update(audio={"output": {"voice": "other"}})),
        ("event_id", command("response.cancel", event_id="x" * 513)),
        ("metadata", command("response.create", response={"metadata": {"k" * 65: ""}})),
    ],
    ids=[name for name in LOCAL_CHECKS if name != "uncommitted_audio"],  # it has a test of its own
)
def test_each_check_can_be_switched_off_by_its_name(name: str, event: ClientEvent) -> None:
    checks = LocalChecks()
    checks.receive(spoken())
    with pytest.raises(LocalProtocolError):
        checks.check(event)
    checks = LocalChecks(off=[name])
    checks.receive(spoken())
    checks.check(event)
    checks.check_audio(3 if name == "append_format" else MAX_APPEND_BYTES + 2 if name == "append_size" else 2)


def test_a_name_of_no_check_is_an_error() -> None:
    with pytest.raises(ValueError, match="no check spelling; known: append_size, "):
        LocalChecks(off=["spelling"])


def test_only_bytes_that_were_sent_are_counted() -> None:
    checks = LocalChecks()
    checks.appended(PCM.bytes_for_ms(100) - 1)
    assert checks.buffered_ms == 99
    checks.appended(1)
    assert checks.buffered_ms == 100


@pytest.mark.parametrize("modalities", [["audio"], ["text"]], ids=str)
def test_a_response_may_be_spoken_or_written(modalities: list[str]) -> None:
    LocalChecks().check(command("response.create", response={"output_modalities": modalities}))


def test_a_response_to_audio_that_is_not_committed_is_rejected_with_the_name_of_what_was_forgotten() -> None:
    checks = without_turn_detection()
    send(checks, append(9600))
    with pytest.raises(LocalProtocolError, match=r"would not hear the 200 ms .* call commit\(\) first"):
        checks.check(respond())
    send(checks, commit(), respond())


@pytest.mark.parametrize(
    "settings",
    [{"conversation": "none"}, {"input": []}, {"instructions": "Greet the user."}],
    ids=["out of band", "input of its own", "instructions of its own"],
)
def test_a_response_that_needs_no_audio_is_not_rejected(settings: dict[str, Any]) -> None:
    checks = without_turn_detection()
    send(checks, append(9600), respond(**settings))


def test_a_response_to_something_that_came_after_the_audio_is_reported_once_and_not_rejected() -> None:
    checks = without_turn_detection()
    typed = command("conversation.item.create", item={"type": "message", "role": "user", "content": []})
    send(checks, append(9600), typed, respond())
    assert [checks.take_unheard_ms(respond()) for _ in range(2)] == [200, 0]
    send(checks, commit(), append(4800), typed)
    assert checks.take_unheard_ms(respond()) == 100


@pytest.mark.parametrize("n_bytes", [0, 4798], ids=["none", "less than a turn"])
def test_too_little_audio_for_a_turn_is_not_missed(n_bytes: int) -> None:
    checks = without_turn_detection()
    send(checks, append(n_bytes), respond())
    assert checks.unheard_ms(respond()) == 0


def test_audio_is_not_missed_where_the_server_finds_turns_or_may_do_so() -> None:
    for checks in (LocalChecks(), without_turn_detection()):
        checks.receive(session(audio={"input": {"turn_detection": {"type": "server_vad"}}}))
        send(checks, append(9600), respond())


def test_audio_is_not_missed_where_the_server_has_committed_it_or_the_connection_is_another() -> None:
    checks = without_turn_detection()
    send(checks, append(9600))
    checks.receive(server_event("input_audio_buffer.committed", item_id="u"))
    checks.check(respond())
    send(checks, append(9600))
    checks.connected()
    checks.check(respond())


def test_the_check_for_audio_that_is_not_committed_can_be_switched_off() -> None:
    checks = without_turn_detection(off=("uncommitted_audio",))
    send(checks, append(9600), respond())
    assert checks.take_unheard_ms(respond()) == 0
