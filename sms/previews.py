"""How will a wording read, and what will it cost? Tried on something that really happened."""

from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from identity.models import User
from sms import events
from sms.events import Sample
from sms.models import MessageTemplate
from sms.money import spoken_sum
from sms.prices import Price, price_per_segment
from sms.segments import Count, DearCharacter, count_segments, dear_characters, replace_exactly

EXAMPLE = "an example"


@dataclass(frozen=True)
class Cost:
    """What a text takes on the air, and what the gateway will charge for it."""

    count: Count
    price: Price

    @property
    def amount(self) -> Decimal:
        return self.price.amount * self.count.segments

    def __str__(self) -> str:
        count = self.count.segments
        told = ngettext("{count} message, {sum}", "{count} messages, {sum}", count)
        return told.format(count=count, sum=spoken_sum(self.price.currency, self.amount))


@dataclass(frozen=True)
class Preview:
    """A wording as one person would get it."""

    text: str
    cost: Cost
    sample: Sample
    others: list[Sample]  # that one may look at as well
    found_nobody: bool  # where somebody was looked for; what is shown is the example then
    problems: list[str]  # for which it cannot be saved
    dear: list[DearCharacter]  # in the wording
    dear_by_values: list[DearCharacter]  # that this person's words bring along
    fixed: Cost | None  # with all replaced that loses nothing by it; None: there is nothing to

    @property
    def is_fix_cheaper(self) -> bool:
        return self.fixed is not None and self.fixed.amount < self.cost.amount


def preview(template: MessageTemplate, user: User, search: str = "") -> Preview:
    """The wording of a template, saved or not, tried on the newest sample that the user may see."""
    problems = _problems(template)
    samples, example = _samples(template, user, search), _example(template)
    sample = samples[0] if samples else example
    text, price = template.render(sample.values), price_per_segment()
    dear = dear_characters(template.body)
    fixed = MessageTemplate(body=replace_exactly(template.body))
    return Preview(
        text=text,
        cost=Cost(count_segments(text), price),
        sample=sample,
        others=samples[1:],
        found_nobody=bool(search.strip()) and not samples,
        problems=problems,
        dear=dear,
        dear_by_values=[each for each in dear_characters(text) if each not in dear],
        fixed=Cost(count_segments(fixed.render(sample.values)), price)
        if any(each.is_exact for each in dear)
        else None,
    )


def cost_of(template: MessageTemplate, price: Price) -> Cost:
    """What the text costs with the examples filled in."""
    return Cost(count_segments(template.render(_example(template).values)), price)


def _samples(template: MessageTemplate, user: User, search: str) -> list[Sample]:
    event = events.find_event(template.event)
    if event is None or event.samples is None:
        return []
    return list(event.samples(user, template.language, search))


def _example(template: MessageTemplate) -> Sample:
    event = events.find_event(template.event)
    return Sample(EXAMPLE, "", event.variables if event else {})


def _problems(template: MessageTemplate) -> list[str]:
    """What saving it would say; the wording is put in order on the way, as saving does."""
    try:
        template.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return error.messages
    return []
