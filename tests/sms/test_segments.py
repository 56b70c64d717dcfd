"""How many messages does a text take, and in which alphabet?

Capacities and characters are those of 3GPP TS 23.038, sections 6.2.1 and 6.2.1.1, and of TS
23.040, section 9.2.3.24.1. Where a character of two units meets the end of a part, the part is
left one short.
"""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms import segments
from sms.segments import DearCharacter, Encoding, dear_characters, replace_exactly

GSM_7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = "\f^{}\\[~]|€"
EMOJI = "\U0001f600"


def gsm_7(segments: int) -> tuple[Encoding, int]:
    return Encoding.GSM_7, segments


def ucs_2(segments: int) -> tuple[Encoding, int]:
    return Encoding.UCS_2, segments


def count_segments(text: str) -> tuple[Encoding, int]:
    count = segments.count_segments(text)
    return count.encoding, count.segments


def test_an_empty_text_is_one_message_in_gsm_7() -> None:
    assert count_segments("") == gsm_7(1)


# GSM-7


@pytest.mark.parametrize(
    ("length", "segments"),
    [(1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4), (1530, 10), (1531, 11)],
)
def test_plain_letters_fit_160_alone_and_153_a_part(length: int, segments: int) -> None:
    assert count_segments("a" * length) == gsm_7(segments)


@pytest.mark.parametrize("character", GSM_7_BASIC)
def test_a_basic_character_counts_one(character: str) -> None:
    assert count_segments(character * 160) == gsm_7(1)
    assert count_segments(character * 161) == gsm_7(2)


def test_the_basic_alphabet_has_a_character_for_every_code_but_the_escape() -> None:
    assert len(set(GSM_7_BASIC)) == len(GSM_7_BASIC) == 127


@pytest.mark.parametrize("character", GSM_7_EXTENSION)
def test_an_extension_character_counts_two(character: str) -> None:
    assert count_segments(character * 80) == gsm_7(1)
    assert count_segments(character * 81) == gsm_7(2)
    assert count_segments("a" * 158 + character) == gsm_7(1)
    assert count_segments("a" * 159 + character) == gsm_7(2)


def test_an_extension_character_is_not_split_over_two_parts() -> None:
    # 306 septets, which fill two parts, were the euro sign not to lie on septets 153 and 154.
    assert count_segments("a" * 152 + "€" + "a" * 152) == gsm_7(3)
    assert count_segments("a" * 152 + "€" + "a" * 151) == gsm_7(2)
    assert count_segments("a" * 151 + "€" + "a" * 153) == gsm_7(2)


def test_extension_characters_alone_leave_every_part_one_short() -> None:
    assert count_segments("€" * 152) == gsm_7(2)  # 76 a part, in 152 of 153 septets
    assert count_segments("€" * 153) == gsm_7(3)


# UCS-2


@pytest.mark.parametrize(
    ("length", "segments"),
    [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (670, 10), (671, 11)],
)
def test_other_letters_fit_70_alone_and_67_a_part(length: int, segments: int) -> None:
    assert count_segments("ш" * length) == ucs_2(segments)


def test_one_other_letter_turns_the_whole_text_into_ucs_2() -> None:
    assert count_segments("a" * 70) == gsm_7(1)
    assert count_segments("a" * 69 + "ш") == ucs_2(1)
    assert count_segments("a" * 70 + "ш") == ucs_2(2)


def test_an_extension_character_counts_one_in_ucs_2() -> None:
    assert count_segments("€" * 69 + "ш") == ucs_2(1)
    assert count_segments("€" * 70 + "ш") == ucs_2(2)


def test_an_emoji_counts_two() -> None:
    assert count_segments(EMOJI * 35) == ucs_2(1)
    assert count_segments(EMOJI * 36) == ucs_2(2)
    assert count_segments("a" * 68 + EMOJI) == ucs_2(1)
    assert count_segments("a" * 69 + EMOJI) == ucs_2(2)


def test_an_emoji_is_not_split_over_two_parts() -> None:
    # 134 units, which fill two parts, were the emoji not to lie on units 67 and 68.
    assert count_segments("a" * 66 + EMOJI + "a" * 66) == ucs_2(3)
    assert count_segments("a" * 66 + EMOJI + "a" * 65) == ucs_2(2)
    assert count_segments("a" * 65 + EMOJI + "a" * 67) == ucs_2(2)


def test_emoji_alone_leave_every_part_one_short() -> None:
    assert count_segments(EMOJI * 66) == ucs_2(2)  # 33 a part, in 66 of 67 units
    assert count_segments(EMOJI * 67) == ucs_2(3)


# Characters that look as if they were in the alphabet


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("\u00a0", id="no-break space"),
        pytest.param("\t", id="tab"),
        pytest.param("`", id="backtick"),
        pytest.param("ç", id="small c with cedilla"),
        pytest.param("\u2018", id="left single quote"),
        pytest.param("\u2019", id="right single quote"),
        pytest.param("\u201c", id="left double quote"),
        pytest.param("\u201d", id="right double quote"),
        pytest.param("ũ", id="Kikuyu u"),
        pytest.param("ĩ", id="Kikuyu i"),
        pytest.param("Ũ", id="Kikuyu U"),
        pytest.param("Ĩ", id="Kikuyu I"),
        pytest.param("n\u0303", id="n with a combining tilde"),
        pytest.param("\u2013", id="en dash"),
        pytest.param("\u2026", id="ellipsis"),
        pytest.param("\x1b", id="escape"),
        pytest.param("\x00", id="null"),
    ],
)
def test_a_character_that_only_looks_plain_makes_the_text_ucs_2(character: str) -> None:
    assert count_segments(f"Asante {character}") == ucs_2(1)
    assert count_segments("a" * 70 + character) == ucs_2(2)


@pytest.mark.parametrize("character", ["Ç", "ñ", "Ñ", "'", '"', "à", "é"])
def test_a_character_that_only_looks_foreign_stays_gsm_7(character: str) -> None:
    assert count_segments("a" * 159 + character) == gsm_7(1)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Asante Amina! Order K-1042 (KES 1,250) is confirmed.", gsm_7(1)),
        ("Nĩ wega! Your order is confirmed.", ucs_2(1)),
        ("Your order\u2019s on its way.", ucs_2(1)),
        ("Total: €20 [paid]", gsm_7(1)),
    ],
)
def test_a_text_as_a_shop_writes_it(text: str, count: tuple[Encoding, int]) -> None:
    assert count_segments(text) == count


# How much is left


@pytest.mark.parametrize(
    ("text", "units", "left"),
    [
        ("", 0, 160),
        ("a" * 160, 160, 0),
        ("a" * 161, 161, 145),
        ("a" * 306, 306, 0),
        ("€" * 80, 160, 0),
        ("a" * 152 + "€" + "a" * 152, 306, 152),  # the first part is left one short, and full
        ("ш" * 70, 70, 0),
        ("ш" * 71, 71, 63),
        (EMOJI, 2, 68),
    ],
)
def test_what_a_text_takes_and_what_still_fits_is_told_in_units(
    text: str, units: int, left: int
) -> None:
    count = segments.count_segments(text)
    assert (count.units, count.left) == (units, left)


# What makes a text dear


SAME = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00ab": '"',
    "`": "'",
    "\u00b4": "'",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2026": "...",
    "\u00a0": " ",
    "\u202f": " ",
    "\t": " ",
    "\u2028": "\n",
    "\u200b": "",
    "\ufeff": "",
    "\u2022": "*",
    "\u2122": "(TM)",
    "e\u0301": "é",
    "n\u0303": "ñ",
    "\u2126": "Ω",
}
DIFFERENT = {
    "ç": "c",
    "ĩ": "i",
    "ũ": "u",
    "Ĩ": "I",
    "Ũ": "U",
    "u\u0303": "u",
    "ô": "o",
    "À": "A",
    "ш": None,
    "日": None,
    EMOJI: None,
    "\u200d": None,
    "\x00": None,
    "\x1b": None,
}


@pytest.mark.parametrize(("character", "replacement"), SAME.items(), ids=map(ascii, SAME))
def test_what_has_a_twin_in_gsm_7_is_replaced_by_it(character: str, replacement: str) -> None:
    text = f"Asante {character}sana{character}"
    assert dear_characters(text) == [DearCharacter(character, replacement, is_exact=True)]
    assert replace_exactly(text) == f"Asante {replacement}sana{replacement}"
    assert count_segments(replace_exactly(text)) == gsm_7(1)


@pytest.mark.parametrize(("character", "replacement"), DIFFERENT.items(), ids=map(ascii, DIFFERENT))
def test_what_would_say_something_else_is_pointed_out_and_stays(
    character: str, replacement: str | None
) -> None:
    text = f"Asante {character} sana"
    assert dear_characters(text) == [DearCharacter(character, replacement, is_exact=False)]
    assert replace_exactly(text) == text


@pytest.mark.parametrize("character", GSM_7_BASIC + GSM_7_EXTENSION)
def test_nothing_in_the_alphabet_is_dear(character: str) -> None:
    assert dear_characters(character) == []
    assert replace_exactly(character) == character


def test_each_dear_character_is_named_once_in_the_order_of_the_text() -> None:
    told = [each.text for each in dear_characters("\u201cWa\u2019nj\u0169\u201d \u2019 \u0169")]
    assert told == ["\u201c", "\u2019", "\u0169", "\u201d"]


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u2019", "right single quotation mark"),
        ("\t", "tab"),
        ("\x00", "U+0000"),
        ("e\u0301", "latin small letter e and combining acute accent"),
    ],
)
def test_a_dear_character_is_called_by_its_name(character: str, name: str) -> None:
    assert dear_characters(character)[0].name == name


# Of any text. The same ones are tried each time, so that a failure is found again.
any_text = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from([*GSM_7_BASIC, *GSM_7_EXTENSION, *"".join(SAME), *"".join(DIFFERENT)]),
    )
)
of_any_text = settings(derandomize=True, database=None, deadline=None)


@of_any_text
@given(any_text)
def test_a_text_is_dear_where_a_character_of_it_is(text: str) -> None:
    assert (count_segments(text)[0] == Encoding.UCS_2) == bool(dear_characters(text))


@of_any_text
@given(any_text)
def test_a_replaced_text_keeps_what_has_no_twin_and_nothing_else_that_is_dear(text: str) -> None:
    replaced = replace_exactly(text)
    stays = [each for each in dear_characters(text) if not each.is_exact]
    assert dear_characters(replaced) == stays
    assert replace_exactly(replaced) == replaced


@of_any_text
@given(any_text)
def test_letters_and_digits_are_the_same_after_replacing(text: str) -> None:
    def letters(text: str) -> list[str]:
        spelt = unicodedata.normalize("NFKC", text)  # of a ligature, of a sign such as that of ohm
        return [each for each in spelt if each.isalnum()]

    kept = "".join(each for each in text if each not in "\u2122\u00a9\u00ae\u2116\u00d7")
    assert letters(replace_exactly(kept)) == letters(kept)


@of_any_text
@given(st.text([*"abc €'-", "\u2019", "\u2013", "\u00a0"], max_size=400))
def test_a_text_of_quotes_and_dashes_is_never_dearer_after_replacing(text: str) -> None:
    assert count_segments(replace_exactly(text))[0] == Encoding.GSM_7
    assert count_segments(replace_exactly(text))[1] <= count_segments(text)[1]


@of_any_text
@given(any_text)
def test_what_fits_still_fits_and_one_more_does_not(text: str) -> None:
    count = segments.count_segments(text)
    filler = "a"  # one unit in both alphabets
    assert segments.count_segments(text + filler * count.left).segments == count.segments
    assert segments.count_segments(text + filler * (count.left + 1)).segments == count.segments + 1
