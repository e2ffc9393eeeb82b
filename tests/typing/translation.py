"""What a program that translates may rely on, read by the type checkers."""

from __future__ import annotations

from typing import assert_never, assert_type

import duologue
from duologue import blocking, notices
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.events import TranslationSession


async def translates(url: str) -> None:
    async with duologue.translate(url, language="es", transcription=None) as translation:
        assert_type(translation, duologue.SpeechTranslation)
        async with translation.stream(notices.SourceText, notices.TranslatedText) as texts:
            assert_type(texts, NoticeStream[notices.SourceText | notices.TranslatedText])
        async for line in translation.lines():
            assert_type(line, notices.TranslationLine)
        async for notice in translation:
            every_translation_notice(notice)
        assert_type(await translation.update_session(language="fr"), TranslationSession)
        assert_type(await translation.finish(timeout=1), notices.TranslationEnded)
        assert_type(translation.outcome, notices.TranslationEnded | None)


def translates_in_a_thread(url: str) -> None:
    with blocking.translate(url, language="es") as translation:
        with translation.stream(notices.TranslatedAudio) as audio:
            assert_type(audio, BlockingNoticeStream[notices.TranslatedAudio])
        for notice in translation:
            every_translation_notice(notice)
        assert_type(translation.finish(), notices.TranslationEnded)


def every_translation_notice(notice: notices.TranslationNotice) -> str:
    match notice:
        case notices.SourceText(text=text) | notices.TranslatedText(text=text) | notices.TranslationLine(text=text):
            return text
        case notices.TranslatedAudio(audio=audio):
            return str(len(audio))
        case notices.TranslationSessionChanged(session=session):
            return session.id
        case notices.TranslationUpdateEnded(event_id=event_id):
            return event_id
        case notices.TranslationErrorReported(event=event):
            return event.error.message
        case notices.TranslationUnreadable(problem=problem):
            return problem
        case notices.TranslationEnded(reason=reason):
            return reason
        case _:
            assert_never(notice)
