"""How does a device without a keyboard sign in? It shows a short code; its person types that on
their phone and says yes or no, while the device asks again and again (RFC 8628)."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from identity.models import Application, DeviceGrant, User
from identity.provider.authorizations import begin_authorization, may_go_on
from identity.session_tokens import digest

LIFETIME = timedelta(minutes=10)
INTERVAL = timedelta(seconds=5)  # between two questions of the device
# No vowels, so that no word comes out, and nothing that looks like something else (section 6.1).
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LENGTH = 8  # 20 ** 8 codes: guesses are limited where a person types one


class DeviceRefusal(Exception):
    """The device gets no token, or none yet; ``error`` is what it is told (section 3.5)."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class UnknownUserCode(Exception):
    """No device shows this code, or it has ended, or was answered."""


@dataclass(frozen=True)
class DeviceCodes:
    """What the device gets: the one it asks with, and the one that it shows. Neither is stored."""

    device_code: str
    user_code: str


def begin_device_sign_in(app: Application, scopes: Iterable[str]) -> DeviceCodes:
    """Let a device wait for its person."""
    now = timezone.now()
    DeviceGrant.objects.filter(expires__lt=now - LIFETIME).delete()
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    codes = DeviceCodes(secrets.token_urlsafe(32), f"{letters[:4]}-{letters[4:]}")
    made = DeviceGrant.objects.create(
        client_id=app.client_id,
        device_code=digest(codes.device_code),
        user_code=_digest_of_user_code(codes.user_code),
        scope=" ".join(dict.fromkeys(scopes)),
        interval=int(INTERVAL.total_seconds()),
        expires=now + LIFETIME,
    )
    # The first question may come at once.
    DeviceGrant.objects.filter(pk=made.pk).update(last_checked=now - INTERVAL)
    return codes


def find_by_user_code(user_code: str) -> tuple[DeviceGrant, Application]:
    """The device that shows this code, and its app.

    :raises UnknownUserCode: none does, or not any more.
    """
    waiting = DeviceGrant.objects.filter(
        user_code=_digest_of_user_code(user_code),
        status=DeviceGrant.AUTHORIZATION_PENDING,
        expires__gt=timezone.now(),
    )
    device = waiting.first()
    if device is None:
        raise UnknownUserCode
    app = Application.objects.filter(client_id=device.client_id, is_active=True).first()
    if app is None:
        raise UnknownUserCode
    return device, app


@transaction.atomic
def answer_device(
    device: DeviceGrant, user: User, *, is_allowed: bool, auth_time: datetime
) -> None:
    """The person's word. A device lives on when the browser's session ends, so it has no ``sid``.

    :raises UnknownUserCode: it was answered meanwhile.
    """
    waiting = DeviceGrant.objects.filter(pk=device.pk, status=DeviceGrant.AUTHORIZATION_PENDING)
    status = DeviceGrant.AUTHORIZED if is_allowed else DeviceGrant.DENIED
    if not waiting.update(status=status, user=user):
        raise UnknownUserCode
    if is_allowed:
        app = Application.objects.get(client_id=device.client_id)
        authorization = begin_authorization(
            user, app, device.scope.split(), sid="", auth_time=auth_time
        )
        DeviceGrant.objects.filter(pk=device.pk).update(authorization=authorization)


def redeem_device_code(device_code: str, app: Application) -> DeviceGrant:
    """What the person allowed this device, once. To be called within a transaction.

    :raises DeviceRefusal: with the error for the device.
    """
    devices = DeviceGrant.objects.select_for_update(of=("self",)).select_related(
        "authorization__user", "authorization__application"
    )
    mine = devices.filter(device_code=digest(device_code), client_id=app.client_id)
    device = mine.first()
    now = timezone.now()
    if device is None:
        raise DeviceRefusal("invalid_grant", "The device code is not known.")
    if device.status == DeviceGrant.DENIED:
        raise DeviceRefusal("access_denied", "The person said no.")
    if device.status == DeviceGrant.EXPIRED or now >= device.expires:
        raise DeviceRefusal("expired_token", "The device code has expired, or was used.")
    if device.status == DeviceGrant.AUTHORIZATION_PENDING:
        _refuse_to_wait(device, now)
    mine.update(status=DeviceGrant.EXPIRED)  # one use
    authorization = device.authorization
    if authorization is None or not authorization.is_live or not may_go_on(authorization.user, app):
        raise DeviceRefusal("access_denied", "The person may not use this app any more.")
    return device


def _refuse_to_wait(device: DeviceGrant, now: datetime) -> None:
    is_early = now < device.last_checked + timedelta(seconds=device.interval)
    slower = device.interval + int(INTERVAL.total_seconds()) if is_early else device.interval
    DeviceGrant.objects.filter(pk=device.pk).update(last_checked=now, interval=slower)
    if is_early:
        raise DeviceRefusal("slow_down", f"Wait {slower} seconds between two questions.")
    raise DeviceRefusal("authorization_pending", "The person has not answered yet.")


def _digest_of_user_code(user_code: str) -> str:
    """A short code: all could be tried against a plain digest. Case and dashes do not count."""
    letters = "".join(letter for letter in user_code.upper() if letter.isalnum())
    return salted_hmac("identity.provider.devices", letters, algorithm="sha256").hexdigest()
