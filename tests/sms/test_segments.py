"""How many messages does a text take, and in which alphabet?

Capacities and characters are those of 3GPP TS 23.038, sections 6.2.1 and 6.2.1.1, and of TS
23.040, section 9.2.3.24.1. Where a character of two units meets the end of a part, the part is
left one short.
"""

import pytest

from sms.segments import Count, Encoding, count_segments

GSM_7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = "\f^{}\\[~]|€"
EMOJI = "\U0001f600"


def gsm_7(segments: int) -> Count:
    return Count(Encoding.GSM_7, segments)


def ucs_2(segments: int) -> Count:
    return Count(Encoding.UCS_2, segments)


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
def test_a_text_as_a_shop_writes_it(text: str, count: Count) -> None:
    assert count_segments(text) == count
