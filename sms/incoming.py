"""What somebody texted to us: kept as it came; STOP, START and HELP are heeded at once."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from sms import opt_outs, outbox
from sms.keywords import keyword_of
from sms.models import ConsentSource, IncomingText, Message, OptOutNotice
from sms.opt_outs import Word
from sms.phone_numbers import find_phone_number

logger = logging.getLogger(__name__)

HELP_EVENT = "help"
_HELP_ANSWERS = {
    "en": "This is {name}. Reply STOP to get no more texts from us, START to get them again.",
    "sw": "Hii ni {name}. Jibu ACHA ili usipate tena ujumbe wetu, ANZA ili uupate tena.",
}
_HELPED_FOR = timedelta(hours=24)

_CONSENT = (IncomingText.Meaning.STOP, IncomingText.Meaning.START)


def receive_text(
    phone_number: str,
    text: str,
    *,
    gateway_message_id: str = "",
    sent_at: datetime | None = None,
    raw: dict[str, Any] | None = None,
) -> bool:
    """Keep a text and do what it asks for, or neither; False where it came before.

    STOP is not answered: it holds from the next text on, and an answer would be one. HELP is, at
    most once a day for each phone. Who wants no texts gets none then either: the answer is queued,
    and the sender leaves it as it leaves any text to them.
    """
    keyword = keyword_of(text)
    known = find_phone_number(phone_number)
    incoming = IncomingText(
        gateway_message_id=gateway_message_id,
        phone_number=known or phone_number,
        text=text,
        meaning=keyword.meaning,
        sent_at=sent_at,
        raw=raw or {},
    )
    with transaction.atomic():
        is_new = _keep(incoming)
        if is_new and known is not None:
            _heed(incoming, keyword.language)
    if is_new and known is None:
        logger.warning("The incoming text %s is from no phone that we can read.", incoming.pk)
    return is_new


def _keep(incoming: IncomingText) -> bool:
    try:
        with transaction.atomic():
            incoming.save(force_insert=True)
    except IntegrityError:  # its id is there: the gateway told of it before
        return False
    return True


def _heed(incoming: IncomingText, language: str) -> None:
    if incoming.meaning == IncomingText.Meaning.HELP:
        _help(incoming.phone_number, language)
    elif incoming.meaning in _CONSENT and not _was_taken_back(incoming):
        wants_texts = incoming.meaning == IncomingText.Meaning.START
        word = Word(wants_texts, ConsentSource.TEXT, words=incoming.text)
        opt_outs.heed(incoming.phone_number, word)


def _was_taken_back(incoming: IncomingText) -> bool:
    """Did the phone say otherwise since? Texts may come in another order than they were sent."""
    if incoming.sent_at is None:
        return False
    said = IncomingText.objects.filter(phone_number=incoming.phone_number, meaning__in=_CONSENT)
    return said.filter(sent_at__gt=incoming.sent_at).exists()


def _help(phone_number: str, language: str) -> None:
    since = timezone.now() - _HELPED_FOR
    answers = Message.objects.filter(phone_number=phone_number, event=HELP_EVENT)
    if not answers.filter(created_at__gt=since).exists():
        answer = _HELP_ANSWERS[language].format(name=settings.BUSINESS_NAME)
        outbox.queue_message(phone_number, answer, event=HELP_EVENT)


def receive_opt_out(phone_number: str, *, sender_id: str = "", raw: dict[str, Any]) -> None:
    """Keep the gateway's notice that somebody opted out with it, and heed it, or neither."""
    known = find_phone_number(phone_number)
    with transaction.atomic():
        notice = OptOutNotice(phone_number=known or phone_number, sender_id=sender_id, raw=raw)
        notice.save(force_insert=True)
        if known is not None:
            opt_outs.heed(known, Word(wants_texts=False, source=ConsentSource.GATEWAY))
    if known is None:
        logger.warning("The opt-out %s is of no phone that we can read.", notice.pk)
