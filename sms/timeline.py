"""What became of one text, in words for staff: what its state means, and each step on its way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from sms import events, line, line_events, opt_outs, status
from sms.delivery_reports import FINAL_STATUSES
from sms.incoming import HELP_EVENT
from sms.models import (
    Attempt,
    AttemptOutcome,
    Broadcast,
    Decision,
    DeliveryReport,
    Hold,
    Message,
    MessageStatus,
    ReportEffect,
)
from sms.models.messages import NOT_SENT_AGAIN
from sms.money import spoken_sum
from sms.outbox import WITHDRAWN

# What to read where the row has no reason of its own; a reason is put after the colon.
_MEANINGS = {
    MessageStatus.QUEUED: gettext_lazy("It waits for its turn"),
    MessageStatus.CLAIMED: gettext_lazy("It is about to be handed to the gateway"),
    MessageStatus.SENDING: gettext_lazy("It is being handed to the gateway"),
    MessageStatus.SENT: gettext_lazy("The gateway took it. Whether it arrived is not known yet"),
    MessageStatus.DELIVERED: gettext_lazy("It is on the phone"),
    MessageStatus.UNDELIVERED: gettext_lazy("It did not arrive"),
    MessageStatus.UNCONFIRMED: gettext_lazy("Nobody knows whether it went out"),
    MessageStatus.HELD: gettext_lazy("It was not taken"),
    MessageStatus.FAILED: gettext_lazy("It was not sent"),
    MessageStatus.SUPPRESSED: gettext_lazy("It was not sent"),
    MessageStatus.CANCELLED: gettext_lazy("It was cancelled, and never sent"),
}
# What lets texts go on, by what holds them.
_UNTIL = {
    Hold.BALANCE: gettext_lazy("It goes out by itself once the account is topped up."),
    Hold.CREDENTIALS: gettext_lazy("It goes out by itself once they are accepted."),
    Hold.SENDER: gettext_lazy("It waits until a Manager resumes the texts, on their list."),
    Hold.STAFF: gettext_lazy("It waits until a Manager resumes the texts, on their list."),
}
_GATEWAYS = {"africastalking": "Africa's Talking", "simulator": gettext_lazy("the simulator")}
# Of the events that no app declares.
_OCCASIONS = {
    Broadcast.EVENT: gettext_lazy("Broadcast"),
    HELP_EVENT: gettext_lazy("Answer to a text that asks for help"),
}
_IN_DOUBT = gettext_lazy(
    "A delivery report may still settle it. If none comes, ask the customer before you send it "
    "again: it may come twice."
)
_TONES = {
    AttemptOutcome.TAKEN: "success",
    AttemptOutcome.REFUSED: "danger",
    AttemptOutcome.UNCLEAR: "warning",
    AttemptOutcome.HELD: "warning",
}


@dataclass(frozen=True)
class Step:
    """Something that happened to a text. ``tone`` is the colour of its label in the admin."""

    at: datetime
    title: str
    detail: str = ""
    by: str = ""
    tone: str = "info"


def meaning_of(message: Message) -> str:
    """What the state of a text means, why it is so, and what to do about it."""
    known = MessageStatus(message.status)
    said = [_sentence(str(_MEANINGS[known]), _reason(message))]
    if known in Message.CANCELLABLE and (hold := line.read_line().hold):
        said.append(str(_UNTIL[Hold(hold)]))
    if known == MessageStatus.UNCONFIRMED:
        said.append(str(_IN_DOUBT))
    if message.may_be_double:
        said.append(_doubled(message))
    return " ".join(filter(None, said))


def _doubled(message: Message) -> str:
    if message.status in Message.WAITING:
        return _("It is to be sent again although it may have gone out, so it may come twice.")
    if message.failure_reason.startswith(NOT_SENT_AGAIN):
        return ""
    return _("It was sent again while in doubt, so it may come twice.")


def _sentence(meaning: str, reason: str) -> str:
    return f"{meaning}: {reason[:1].lower()}{reason[1:]}" if reason else f"{meaning}."


def _reason(message: Message) -> str:
    if message.status == MessageStatus.SUPPRESSED:
        return opt_outs.tell(message.phone_number) or _told(message.failure_reason)
    if message.status in Message.CANCELLABLE and (held := status.reason_of(line.read_line())):
        return held  # more to the point than what was said to this one text
    return _told(message.failure_reason)


def _told(reason: str) -> str:
    """What was written down when it happened, in English, in the words of whoever reads it now."""
    return _(reason) if reason else ""


def steps_of(message: Message) -> list[Step]:
    """Each step of a text, the first one first; four queries."""
    decisions = list(message.decisions.select_related("made_by"))
    attempts = list(message.attempts.all())
    steps = [
        *(step for attempt in attempts for step in _steps_of_attempt(message, attempt)),
        *map(_step_of_decision, decisions),
        *map(_step_of_report, message.delivery_reports.all()),
        *_steps_of_line(message, attempts),
        *_end_without_attempt(message, attempts, decisions),
    ]
    steps.sort(key=lambda step: step.at)  # stable: as listed above, where two are of one time
    by = message.queued_by.get_username() if message.queued_by else ""
    return [Step(message.created_at, pgettext("text", "Queued"), _occasion(message), by), *steps]


def _occasion(message: Message) -> str:
    event = events.find_event(message.event)
    return str(event.label if event else _OCCASIONS.get(message.event, ""))


def _steps_of_attempt(message: Message, attempt: Attempt) -> Iterator[Step]:
    if attempt.claimed_at:
        yield Step(attempt.claimed_at, _("Claimed by the worker"))
    gateway = _GATEWAYS.get(attempt.gateway, attempt.gateway)
    yield Step(attempt.started_at, _("Handed to {gateway}").format(gateway=gateway))
    if not attempt.outcome:
        return
    outcome = AttemptOutcome(attempt.outcome)
    step = Step(
        attempt.finished_at or attempt.started_at,
        str(outcome.label),
        _told(attempt.detail),
        tone=_TONES.get(outcome, "info"),
    )
    is_taken = outcome == AttemptOutcome.TAKEN
    yield (
        replace(step, title=pgettext("text", "Sent"), detail=_receipt(message, attempt))
        if is_taken
        else step
    )


def _receipt(message: Message, attempt: Attempt) -> str:
    if attempt.gateway_message_id:  # of a text that somebody had sent again meanwhile
        return _("receipt {id}").format(id=attempt.gateway_message_id)
    count = message.segments
    parts = ngettext("{count} message", "{count} messages", count).format(count=count)
    price = "" if message.cost is None else spoken_sum(message.currency, message.cost)
    known = message.gateway_message_id
    receipt = known and _("receipt {id}").format(id=known)
    return ", ".join(filter(None, [parts, price, receipt]))


def _step_of_decision(decision: Decision) -> Step:
    by = decision.made_by.get_username() if decision.made_by else _("somebody who is gone")
    tone = "info" if decision.kind == Decision.Kind.RETRY else "warning"
    return Step(decision.made_at, decision.get_kind_display(), _told(decision.reason), by, tone)


def _step_of_report(report: DeliveryReport) -> Step:
    """What a report said, and what came of that."""
    final = FINAL_STATUSES.get(report.status)
    said = str(final.label) if final else f"“{report.status}”"
    tone = {None: "info", MessageStatus.DELIVERED: "success"}.get(final, "danger")
    reason = _told(report.failure_reason)
    if report.effect == ReportEffect.MOVED:
        return Step(report.received_at, said, reason, tone=tone)
    if report.effect == ReportEffect.CONTRADICTS:
        title = _("The gateway also reported: {said}. What it reported first stands.")
        return Step(report.received_at, title.format(said=said), reason, tone="warning")
    if report.effect == ReportEffect.REPEATED:
        return Step(report.received_at, _("Reported once more: {said}").format(said=said), reason)
    if report.effect == ReportEffect.ON_THE_WAY:
        title = _("On the way: {said}").format(said=report.status)
        return Step(report.received_at, title, reason)
    if report.effect == ReportEffect.OTHER_TRY:
        title = _("Reported of another try: {said}").format(said=said)
        return Step(report.received_at, title, reason, tone=tone)
    title = _("The gateway reported {said}, which is not understood").format(said=said)
    return Step(report.received_at, title, reason, tone="warning")


def _steps_of_line(message: Message, attempts: list[Attempt]) -> Iterator[Step]:
    """What kept all texts from the wire while this one waited, and what let them go on."""
    since, until = message.created_at, _waited_until(message, attempts)
    for event in line_events.between(settings.SMS_GATEWAY, since, until):
        is_stop = event.kind in line_events.STOPS
        if event.at <= since and not is_stop:
            continue  # all was well when it was queued
        by = event.made_by.get_username() if event.made_by else ""
        reason = f"{Hold(event.hold).label}." if event.hold else _told(event.reason)
        yield Step(
            max(event.at, since),
            event.get_kind_display(),
            reason,
            by,
            "warning" if is_stop else "info",
        )


def _waited_until(message: Message, attempts: list[Attempt]) -> datetime:
    if message.status in Message.WAITING or not attempts:
        return message.final_at or timezone.now()
    return attempts[-1].started_at


def _end_without_attempt(
    message: Message, attempts: list[Attempt], decisions: list[Decision]
) -> Iterator[Step]:
    """The end of a text that no attempt, report or person brought about."""
    if message.final_at is None:
        return
    if message.status == MessageStatus.SUPPRESSED:
        yield Step(message.final_at, pgettext("text", "Not sent"), _reason(message), tone="warning")
    elif message.status == MessageStatus.FAILED:
        if all(attempt.finished_at != message.final_at for attempt in attempts):
            reason = _told(message.failure_reason)
            yield Step(message.final_at, pgettext("text", "Failed"), reason, tone="danger")
    elif message.status == MessageStatus.CANCELLED and not _is_cancelled_by_staff(decisions):
        # Of texts of earlier versions, only those whose order was gone have no reason.
        reason = _told(message.failure_reason or WITHDRAWN)
        yield Step(message.final_at, pgettext("text", "Cancelled"), reason, tone="warning")


def _is_cancelled_by_staff(decisions: list[Decision]) -> bool:
    return bool(decisions) and decisions[-1].kind == Decision.Kind.CANCEL


def next_try_of(message: Message) -> datetime | None:
    """When a text that waits is tried next, if that is known."""
    due = message.next_attempt_at
    is_waiting = message.status == MessageStatus.QUEUED
    return due if is_waiting and due and due > timezone.now() else None
