"""How often does the stand-in fail, and how? By rates, and the same way again for the same seed.

A text's fate hangs on the seed, the text and how often it came, and not on what came before it: of
many requests at the same moment none knows which is the first.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.sms.stand_in_server import ORDINARY, Answer, Fault

# Codes of a recipient after which the text is worth another try, and those after which it is not.
_TURNED_AWAY = (407, 500, 501, 502)
_REFUSED = (401, 403, 404, 406, 409)


@dataclass(frozen=True)
class Rates:
    """The share of the requests with a text that fare so; the rest is taken and answered."""

    reset_before_taking: float = 0.0
    reset_after_taking: float = 0.0
    close_after_taking: float = 0.0
    cut_short: float = 0.0
    malformed: float = 0.0  # the text is taken, and the answer makes no sense
    timeout: float = 0.0  # the text is taken, and the answer comes after `stall`
    server_error: float = 0.0  # HTTP 500; half of the texts are taken
    unavailable: float = 0.0  # HTTP 503
    too_many: float = 0.0  # HTTP 429, half of them with a Retry-After of a second
    turned_away: float = 0.0
    refused: float = 0.0
    no_balance: float = 0.0  # and so for all that come, for a `spell`
    latency: tuple[float, float] = (0.0, 0.0)  # seconds: the least and the most of each answer
    stall: float = 15.0  # seconds
    spell: float = 2.0  # seconds


@dataclass
class Faults:
    """Says what is done with each text: what ``StandInGateway.usual_answer`` wants."""

    seed: int = 0
    rates: Rates = field(default_factory=Rates)
    _times: Counter[str] = field(default_factory=Counter)

    def __call__(self, form: Mapping[str, str]) -> Answer:
        text = f"{form.get('to')} {form.get('message')}"
        self._times[text] += 1
        chance = random.Random(f"{self.seed} {self._times[text]} {text}")
        shares = [getattr(self.rates, fate) for fate in _FATES]
        [fate] = chance.choices([*_FATES, ""], [*shares, max(0.0, 1.0 - sum(shares))])
        answer = _FATES[fate](chance, self.rates) if fate else ORDINARY
        return replace(answer, delay=answer.delay + chance.uniform(*self.rates.latency))


def _server_error(chance: random.Random, rates: Rates) -> Answer:
    return Answer(status=500, taken=chance.random() < 0.5)


def _too_many(chance: random.Random, rates: Rates) -> Answer:
    return Answer(status=429, headers={"Retry-After": "1"} if chance.random() < 0.5 else {})


_FATES: dict[str, Callable[[random.Random, Rates], Answer]] = {
    "reset_before_taking": lambda _, __: Answer(fault=Fault.RESET_BEFORE_TAKING),
    "reset_after_taking": lambda _, __: Answer(fault=Fault.RESET_AFTER_TAKING),
    "close_after_taking": lambda _, __: Answer(fault=Fault.CLOSE_AFTER_TAKING),
    "cut_short": lambda _, __: Answer(fault=Fault.CUT_SHORT),
    "malformed": lambda _, __: Answer(body="<html><h1>Bad Gateway</h1></html>"),
    "timeout": lambda _, rates: Answer(delay=rates.stall),
    "server_error": _server_error,
    "unavailable": lambda _, __: Answer(status=503),
    "too_many": _too_many,
    "turned_away": lambda chance, _: Answer(code=chance.choice(_TURNED_AWAY)),
    "refused": lambda chance, _: Answer(code=chance.choice(_REFUSED)),
    "no_balance": lambda _, rates: Answer(empty_for=rates.spell),
}
