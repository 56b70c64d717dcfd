"""Does the gateway's ledger agree with our rows? What does not is told in words, a line a text."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.models import Order
from sms.delivery_reports import FINAL_STATUSES
from sms.models import Attempt, Message
from tests.sms.stand_in_control import Control

_SENT = {Message.Status.SENT, Message.Status.DELIVERED, Message.Status.UNDELIVERED}
_NOT_SENT = {Message.Status.FAILED, Message.Status.SUPPRESSED, Message.Status.CANCELLED}
_HAS_ENDED = {Message.Status.DELIVERED, Message.Status.UNDELIVERED}


@dataclass
class Books:
    """Our rows beside what the gateway has taken, and what it has told us of that."""

    messages: Sequence[Message]
    taken: dict[tuple[str, str], list[str]]  # ids, by phone and text
    told: dict[str, set[str]]  # the final states that were told and heard, by id
    unexplained: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(message.status for message in self.messages)

    @property
    def texted_twice(self) -> list[Message]:
        return [message for message in self.messages if len(self.ids_of(message)) > 1]

    def ids_of(self, message: Message) -> list[str]:
        return self.taken[message.phone_number, message.text]


def compare(orders: Iterable[Order], gateway: Control) -> Books:
    """The books of these orders, with a line for each text that nothing explains."""
    taken: dict[tuple[str, str], list[str]] = defaultdict(list)
    for text in gateway.get("ledger"):
        taken[text["phone_number"], text["text"]].append(text["message_id"])
    told: dict[str, set[str]] = defaultdict(set)
    for each in gateway.get("told"):
        state = FINAL_STATUSES.get(each["form"].get("status", ""))
        if state and each["status"] == 200:
            told[each["form"]["id"]].add(state)
    messages = list(Message.objects.prefetch_related("attempts").order_by("queued_at", "pk"))
    books = Books(messages, taken, told)
    about = Counter(message.about_id for message in messages)
    for order in orders:
        if about[order.pk] != 1:
            books.unexplained.append(f"{order.order_number} has {about[order.pk]} texts")
    known = {(message.phone_number, message.text) for message in messages}
    strangers = [key for key in taken if key not in known]
    books.unexplained += [f"{phone} was texted by nobody: {text}" for phone, text in strangers]
    for message in messages:
        books.unexplained += [
            f"{message.text} [{message.status}, taken as {books.ids_of(message)}]: {reason}"
            f"\n  {_story_of(message)}"
            for reason in _faults_of(message, books)
        ]
    return books


def _story_of(message: Message) -> str:
    """Its tries and the reports of it, as they happened."""
    facts = [
        (each.started_at, f"try {each.outcome} {each.word} {each.gateway_message_id}".strip())
        for each in message.attempts.all()
    ]
    facts += [
        (each.received_at, f"report {each.status} of {each.gateway_message_id}: {each.effect}")
        for each in message.delivery_reports.all()
    ]
    return "; ".join(f"{at:%X.%f} {fact}" for at, fact in sorted(facts))


def _faults_of(message: Message, books: Books) -> Iterator[str]:
    ids = books.ids_of(message)
    yield from _faults_of_state(message, ids)
    yield from _faults_of_attempts(message, ids)
    yield from _faults_of_reports(message, ids, books.told)


def _faults_of_state(message: Message, ids: Sequence[str]) -> Iterator[str]:
    """Was it lost, or doubled, or does nothing say why it was not sent?"""
    if message.status in _SENT and not ids:
        yield "it is said to be sent, and was not"
    if message.status in _NOT_SENT and ids and not message.may_be_double:
        yield "it is said not to be sent, and was"
    if message.status not in _SENT | _NOT_SENT | {Message.Status.UNCONFIRMED}:
        yield "it is under way still"
    if message.status not in _SENT and not message.failure_reason:
        yield "it has no reason"
    if len(ids) > 1 and not message.may_be_double:
        yield "it was sent twice, and is not marked"


def _faults_of_attempts(message: Message, ids: Sequence[str]) -> Iterator[str]:
    """Is each try written down, and none made that must not be?"""
    outcomes = Counter(attempt.outcome for attempt in message.attempts.all())
    may_be_taken = outcomes[Attempt.Outcome.TAKEN] + outcomes[Attempt.Outcome.UNCLEAR]
    if outcomes[""]:
        yield "an attempt has no outcome"
    if may_be_taken < len(ids):
        yield f"it was taken more often than the attempts say: {dict(outcomes)}"
    if may_be_taken > 1 and not message.may_be_double:
        yield f"it was tried again though it may have been taken: {dict(outcomes)}"


def _faults_of_reports(
    message: Message, ids: Sequence[str], told: Mapping[str, set[str]]
) -> Iterator[str]:
    """Is it in the state that was told of it, and of no other?"""
    if not message.gateway_message_id:
        if message.status in _SENT:
            yield "it has no id"
        return
    own = told.get(message.gateway_message_id, set())
    # Of a text that was taken twice, the other may have arrived; but its id may be known to nobody.
    known = {attempt.gateway_message_id for attempt in message.attempts.all()} - {""}
    others = set().union(*(told.get(each, set()) for each in known))
    if message.gateway_message_id not in ids:
        yield f"it has the id of another text, {message.gateway_message_id}"
    if message.status in _HAS_ENDED and message.status not in own | others:
        yield "nobody has told so"
    if message.status == Message.Status.SENT and (own or Message.Status.DELIVERED in others):
        yield f"it was told to be {' and '.join(sorted(own | others))}"


def figures(books: Books, **others: Any) -> str:
    """A line that says how a run went."""
    marked = sum(message.may_be_double for message in books.messages)
    facts = {
        "texts": len(books.messages),
        **dict(sorted(books.counts.items())),
        "marked as possible doubles": marked,
        "texted twice": len(books.texted_twice),
        **others,
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())
