"""Is this a phone number, and how is it written? Stored is E.164: ``+254722000000``."""

import contextlib
import re
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from uuid import UUID

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_TOO_FEW_DIGITS = 3  # to take them for a part of a phone
_WRITTEN = re.compile(r"[\s+]*[0-9(][0-9\s()./-]*")
# Numbers to call, and not to text. Of the kinds left out, such as "fixed line or mobile" in North
# America, the number alone does not tell.
_KINDS_WITHOUT_TEXTS = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)
_FORGOTTEN = "x"  # begins what stands where a phone was
E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"

# What people write for a country beside its names and its code; the library knows no Swahili.
_EVERYDAY_NAMES = {
    "UK": "GB",
    "ENGLAND": "GB",
    "SCOTLAND": "GB",
    "WALES": "GB",
    "USA": "US",
    "UINGEREZA": "GB",
    "MAREKANI": "US",
    "KANADA": "CA",
    "UJERUMANI": "DE",
    "UFARANSA": "FR",
    "UHOLANZI": "NL",
    "UBELGIJI": "BE",
    "USWISI": "CH",
    "UHISPANIA": "ES",
    "URENO": "PT",
    "UCHINA": "CN",
    "UHINDI": "IN",
    "JAPANI": "JP",
    "URUSI": "RU",
    "MISRI": "EG",
    "AFRIKA KUSINI": "ZA",
    "SUDAN KUSINI": "SS",
    "UGIRIKI": "GR",
    "UTURUKI": "TR",
}


def parse_phone_number(text: str, region: str | None = None) -> str:
    """The E.164 form of a number that a person wrote, in national form or with its country code.

    ``region`` is the two-letter code of the country whose national form is meant; the business's
    own where it is None.

    :raises ValidationError: no such number can exist there.
    """
    region = region or settings.DEFAULT_REGION
    number = None
    # The library would take letters for the keys they stand on, and words around it for nothing.
    if _WRITTEN.fullmatch(text):
        with contextlib.suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(text, region)
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValidationError(
            _(
                "“%(text)s” is not a valid phone number in %(region)s. "
                "Write it as it is dialled there, or with + and the country code."
            ),
            code="invalid",
            params={"text": text, "region": region},
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def find_phone_number(text: str) -> str | None:
    """The E.164 form of what somebody typed into a search, or None where it is no phone."""
    try:
        return parse_phone_number(text)
    except ValidationError:
        return None


def find_phone_part(text: str) -> str | None:
    """The digits by which a phone is found of which only a part is typed so far, or None.

    ``0712 345`` and ``+254 712`` are both within ``+254712345678``. What begins otherwise may be a
    number of anything, and so may three digits.
    """
    digits = "".join(text.split()).removeprefix("+")
    home = phonenumbers.PhoneMetadata.metadata_for_region(settings.DEFAULT_REGION)
    trunk = (
        home and home.national_prefix
    ) or "+"  # what comes before a number at home, if anything
    abroad = ("+", str(phonenumbers.country_code_for_region(settings.DEFAULT_REGION)))
    if not digits.isdecimal() or len(digits) <= _TOO_FEW_DIGITS:
        return None
    if text.strip().startswith(abroad):
        return digits
    return digits.removeprefix(trunk) if digits.startswith(trunk) else None


def validate_phone_number(value: str) -> None:
    """Accept a number in E.164 form that can exist in its country.

    :raises ValidationError: it is not.
    """
    if not (re.fullmatch(E164_PATTERN, value) and _is_canonical(value)):
        raise ValidationError(
            _("Enter a valid phone number with + and the country code, such as +254722000000."),
            code="invalid",
        )


def _is_canonical(value: str) -> bool:
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return False
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return phonenumbers.is_valid_number(number) and written == value


def stand_in(owner: UUID) -> str:
    """What stands where a phone was that is forgotten: no number, and for each owner another."""
    return f"{_FORGOTTEN}{owner.hex[-15:]}"


def is_forgotten(phone_number: str) -> bool:
    return phone_number.startswith(_FORGOTTEN)


def takes_texts(phone_number: str) -> bool:
    """May a text get to this number, in E.164 form? Not to a fixed line, by its numbering plan."""
    if is_forgotten(phone_number):
        return False
    number = phonenumbers.parse(phone_number, None)
    return phonenumbers.number_type(number) not in _KINDS_WITHOUT_TEXTS


def national_form(phone_number: str) -> str:
    """How people at home read a number: ``0722 000000`` here, ``+44 20 ...`` from elsewhere."""
    if is_forgotten(phone_number):
        return _("erased")
    number = phonenumbers.parse(phone_number, None)
    style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    if phonenumbers.region_code_for_number(number) == settings.DEFAULT_REGION:
        style = phonenumbers.PhoneNumberFormat.NATIONAL
    return phonenumbers.format_number(number, style)


def _country_names() -> dict[str, dict[str, str]]:
    """The names of each region by language, which phonenumbers ships.

    Its module is loaded past its package, whose own ``__init__`` reads every geocoding table there
    is: 96 MB in each process.
    """
    path = Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    spec = spec_from_file_location("phonenumbers.geodata.locale", path)
    module = module_from_spec(spec)  # type: ignore[arg-type]  # the file is there, or its loader says
    spec.loader.exec_module(module)  # type: ignore[union-attr]  # as above
    names: dict[str, dict[str, str]] = module.LOCALE_DATA
    return names


@cache
def _regions_by_name() -> dict[str, str]:
    regions: dict[str, str] = {}
    for region, names in _country_names().items():
        for name in names.values():
            if not name.startswith("*"):  # a starred entry points to another language's name
                regions.setdefault(name.upper(), region)
    return regions | _EVERYDAY_NAMES | {code: code for code in phonenumbers.SUPPORTED_REGIONS}


def region_named(country: str) -> str:
    """The two-letter code of a country: from its code or its name in any language known.

    :raises ValidationError: there is no such country.
    """
    region = _regions_by_name().get(country.strip().upper())
    if region is None:
        raise ValidationError(
            _(
                "“%(country)s” is not a country that is known here. Use its English name or its "
                "two-letter code, such as Kenya or KE."
            ),
            code="invalid",
            params={"country": country},
        )
    return region
