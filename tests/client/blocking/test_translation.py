"""A translation for threads."""

from __future__ import annotations

import inspect

import pytest

import duologue
from duologue import SpeechTranslation, blocking
from duologue.errors import ConnectionClosedError, ModelNotFound, RequestRejected
from duologue.notices import SourceText, TranslatedAudio, TranslatedText, TranslationEnded, TranslationLine
from duologue.testing import Close, Drop, Expect, Send
from tests.client._threads import in_a_thread, no_thread_left
from tests.client.blocking.test_signatures import parameters, public
from tests.client.translation._servers import CLOSED, delta, ours, script
from tests.server._engines import LOUD, QUIET

pytestmark = pytest.mark.timeout(30)

UTTERANCE = LOUD * 600 + QUIET * 600


def test_speech_goes_in_and_comes_back_translated() -> None:
    played: list[bytes] = []
    with (
        in_a_thread(ours) as url,
        no_thread_left(),
        blocking.translate(url, language="es", transcription="w") as translation,
        translation.stream(SourceText, TranslatedText, TranslatedAudio, timeout=5) as notices,
        translation.play(played.append),
    ):
        translation.send_audio(UTTERANCE, timeout=5)
        ended = translation.finish(timeout=5)
        said = list(notices)
    assert ended == TranslationEnded(finalised=True, reason="closed as asked")
    assert "".join(each.text for each in said if isinstance(each, SourceText)) == "good morning"
    assert "".join(each.text for each in said if isinstance(each, TranslatedText)) == "buenos días"
    assert sum(map(len, played)) == 48 * 60 * len("buenos días")


def test_a_source_is_sent_to_its_end_and_lines_are_read_as_they_come() -> None:
    with in_a_thread(ours) as url, no_thread_left(), blocking.translate(url) as translation:
        lines: list[TranslationLine] = []
        translation.on(TranslationLine, lines.append)
        translation.listen(iter([UTTERANCE])).wait(timeout=5)
        assert translation.close().finalised
    assert [line.text for line in lines] == ["buenos días"]


def test_the_iteration_ends_with_a_lost_connection() -> None:
    server = script(Send(delta("ho")), Drop())
    with in_a_thread(server.listening) as url, no_thread_left(), blocking.translate(url, language="es") as translation:
        with pytest.raises(ConnectionClosedError, match="is lost"):
            list(translation)
        assert not translation.finish().finalised


def test_a_session_is_updated_and_a_refusal_is_raised() -> None:
    with in_a_thread(ours) as url, no_thread_left(), blocking.translate(url) as translation:
        assert translation.update_session(language="fr") == translation.session
        with pytest.raises(RequestRejected):
            translation.update_session(language="not a tag")


def test_what_the_server_refuses_is_raised_where_it_is_opened() -> None:
    with in_a_thread(ours) as url, no_thread_left(), pytest.raises(ModelNotFound):
        blocking.translate(url, model="gpt-realtime").__enter__()


def test_a_server_that_is_slow_to_finish_is_waited_for_in_the_caller_s_time() -> None:
    server = script(Expect("session.close"))
    with in_a_thread(server.listening) as url, no_thread_left():
        translation = blocking.translate(url, language="es")
        session = translation.__enter__()
        with pytest.raises(TimeoutError):
            session.finish(timeout=0.05)
        session.close(at_once=True)
        translation.__exit__(None, None, None)


def test_a_block_sends_the_close_and_takes_its_answer() -> None:
    server = script(Expect("session.close"), Send(CLOSED), Close())
    with in_a_thread(server.listening) as url, no_thread_left(), blocking.translate(url, language="es") as translation:
        pass
    assert translation.outcome is not None
    assert translation.outcome.finalised
    assert repr(translation).startswith("<BlockingSpeechTranslation, ended")


FOR_THE_FACADE = {"start", "attach", "detach", "drain"}


def test_both_shells_have_the_same_names_and_parameters() -> None:
    on_loop, in_thread = public(SpeechTranslation), public(blocking.BlockingSpeechTranslation)
    instance = {"outcome", "core"}  # which the asyncio one sets when it is made
    assert in_thread - instance == on_loop - instance - FOR_THE_FACADE
    for name in in_thread - instance:
        verb = getattr(blocking.BlockingSpeechTranslation, name)
        if inspect.isfunction(verb):
            assert parameters(verb) == parameters(getattr(SpeechTranslation, name)), name
    ours_, theirs = parameters(blocking.translate), parameters(duologue.translate)
    assert ours_ == {name: how for name, how in theirs.items() if name != "loop_lag_ms"}
