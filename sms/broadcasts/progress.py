"""How far is a broadcast, and what became of its texts?"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from sms.models import Broadcast, BroadcastRecipient, Exclusion, Message, MessageStatus


@dataclass(frozen=True)
class Progress:
    """The people of a broadcast, each counted once."""

    waiting: int  # nothing was queued for them as yet
    states: dict[MessageStatus, int]  # of the texts that were queued
    excluded: dict[Exclusion, int]
    spent: list[tuple[str, Decimal]]  # in each currency, as far as the gateway has said

    @property
    def queued(self) -> int:
        """How many texts went into the queue, whatever became of them."""
        return sum(self.states.values())

    @property
    def unsent(self) -> int:
        """To how many nothing has gone out as yet, as far as is known."""
        return self.waiting + sum(self.states.get(state, 0) for state in Message.WAITING)

    @property
    def chosen(self) -> int:
        return self.waiting + self.queued + sum(self.excluded.values())


def find_progress(broadcast: Broadcast) -> Progress:
    """Count them; one query."""
    people = BroadcastRecipient.objects.filter(broadcast=broadcast).order_by()
    rows = list(
        people.values_list("exclusion", "message__status", "message__currency").annotate(
            Count("pk"), Sum("message__cost")
        )
    )
    excluded, states = Counter[Exclusion](), Counter[MessageStatus]()
    spent: dict[str, Decimal] = {}
    for why, state, currency, count, cost in rows:
        if why:
            excluded[Exclusion(why)] += count
        elif state:
            states[MessageStatus(state)] += count
        if cost:
            spent[currency] = spent.get(currency, Decimal()) + cost
    return Progress(
        waiting=sum(count for why, state, _, count, _ in rows if not why and not state),
        states={state: states[state] for state in MessageStatus if state in states},
        excluded={why: excluded[why] for why in Exclusion if why in excluded},
        spent=sorted(spent.items()),
    )
