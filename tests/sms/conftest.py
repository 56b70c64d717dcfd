"""A gateway that answers as a test says."""

from collections.abc import Callable

import pytest

from sms import probing
from sms.gateway import Balance, Submission
from sms.sending import drain


class Scripted:
    """Answers as it is told, and remembers what it was given."""

    name = "scripted"
    is_immediate = True

    def __init__(self) -> None:
        self.answers: list[Submission | Exception] = []
        self.taken: list[tuple[str, str]] = []
        self.balances: list[Balance | Exception | None] = []
        self.asked = 0
        self.during: Callable[[], None] = lambda: None

    def submit(self, phone_number: str, text: str) -> Submission:
        self.taken.append((phone_number, text))
        self.during()
        answer = self.answers.pop(0) if self.answers else Submission(f"id-{len(self.taken)}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def balance(self) -> Balance | None:
        self.asked += 1
        answer = self.balances.pop(0) if self.balances else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(drain, "get_gateway", lambda: scripted)
    monkeypatch.setattr(probing, "get_gateway", lambda: scripted)
    return scripted
