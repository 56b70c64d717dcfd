"""Which texts ask for no more, for texts again, or what this is; and which only seem to."""

from typing import Any

import pytest

from sms.keywords import keyword_of


def meaning(text: str) -> str:
    return str(keyword_of(text).meaning)


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", "Stop.", " stop ", "“STOP”", "STOP!!!", "🛑 stop", "Stop\n", "STOP STOP"),
        *("STOPALL", "STOP ALL", "Stop all messages", "stop sms", "STOP SENDING ME MESSAGES"),
        *("please stop", "Stop please", "Pls stop texting me", "stop, thanks"),
        *("unsubscribe", "UN-SUBSCRIBE", "opt out", "Opt-out", "OPTOUT", "END", "quit"),
        *("ACHA", "acha", "Tafadhali acha", "acha ujumbe", "Simama", "SITISHA", "komesha sms"),
        *("Jiondoe", "niondoe tafadhali", "simamisha"),
    ],
)
def test_who_says_nothing_but_stop_wants_no_more_texts(text: str) -> None:
    assert meaning(text) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "START",
        "start.",
        "Unstop",
        "un stop",
        "please start",
        "subscribe",
        "ANZA",
        "endelea",
        "Rudisha",
    ],
)
def test_who_says_nothing_but_start_wants_texts_again(text: str) -> None:
    assert meaning(text) == "start"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *(("HELP", "en"), ("help?", "en"), ("Info please", "en"), ("help me", "en")),
        *(("MSAADA", "sw"), ("Tafadhali msaada", "sw"), ("usaidizi", "sw"), ("Nisaidie", "sw")),
    ],
)
def test_who_asks_for_help_is_answered_in_their_language(text: str, language: str) -> None:
    keyword = keyword_of(text)
    assert (keyword.meaning, keyword.language) == ("help", language)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "?", "👍", "ok", "please", "me"),
        *("stop at the gate", "Please stop by at noon", "Don't stop", "I will stop there"),
        *("nonstop", "bus stop", "stopped", "stop 2 of them"),
        *("the end", "start my order", "when do you start?", "help yourself", "info on prices"),
        *("Acha nikuje kesho", "acha tu order yangu", "simama hapo", "endelea na order"),
        # To a shop these are said of an order.
        *("cancel", "CANCEL", "ghairi", "futa", "ondoa", "kataa", "sitaki", "yes", "ndiyo", "no"),
        "stop " * 9,
        "s" * 10_000,
    ],
)
def test_whoever_says_more_or_something_else_wants_no_less_than_before(text: str) -> None:
    assert meaning(text) == "other"


def test_our_own_name_beside_it_adds_nothing(settings: Any) -> None:
    settings.BUSINESS_NAME, settings.AFRICASTALKING_SENDER_ID = "Duka Moja", "DUKA1"
    for text in ("STOP DUKA MOJA", "Duka Moja: stop", "stop duka1", "please stop, Duka"):
        assert meaning(text) == "stop", text
    assert meaning("STOP KARANI") == "other"


def test_a_name_that_is_a_keyword_takes_none_away(settings: Any) -> None:
    settings.BUSINESS_NAME = "Info Point"
    assert meaning("INFO") == "help"
    assert meaning("Info Point") == "help"
    assert meaning("stop point") == "stop"
