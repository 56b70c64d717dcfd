"""What is sealed reads as nothing to who has only the database."""

from typing import Any

import pytest

from identity.sealing import CannotOpen, seal, unseal


@pytest.mark.parametrize("token", ["", "krt_of-an-app"])
def test_what_is_sealed_opens_with_the_same_key_only(token: str, settings: Any) -> None:
    sealed = seal("Habari", token=token)
    assert "Habari" not in sealed
    assert unseal(sealed, token=token) == "Habari"
    with pytest.raises(CannotOpen):
        unseal(sealed, token="another")


def test_what_is_sealed_for_one_thing_does_not_open_for_another() -> None:
    sealed = seal("Habari", purpose="a mail")
    assert unseal(sealed, purpose="a mail") == "Habari"
    for purpose in ("", "another mail"):
        with pytest.raises(CannotOpen):
            unseal(sealed, purpose=purpose)


def test_another_secret_key_opens_nothing(settings: Any) -> None:
    sealed = seal("Habari")
    settings.SECRET_KEY = "another"
    with pytest.raises(CannotOpen):
        unseal(sealed)


def test_a_token_opens_its_own_whatever_the_secret_key(settings: Any) -> None:
    sealed = seal("Habari", token="krt_of-an-app")
    settings.SECRET_KEY = "another"
    assert unseal(sealed, token="krt_of-an-app") == "Habari"


def test_what_is_no_sealed_text_is_told_so() -> None:
    with pytest.raises(CannotOpen):
        unseal("no sealed text")
