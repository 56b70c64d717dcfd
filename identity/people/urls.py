"""The addresses of the front door, under the names by which django-allauth knows them.

What it has and is not here is not open, such as signing in with a code by email.
"""

from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from identity.people import views


def page(address: str, view: Any, name: str) -> URLPattern:
    """One that no cache keeps: it is about one person, and has secrets now and then."""
    return path(address, never_cache(view), name=name)


SIGN_IN = [
    page("sign-in/", views.SignInView.as_view(), "account_login"),
    page("sign-in/closed/", account.account_inactive, "account_inactive"),
    page("sign-in/code/", mfa.authenticate, "mfa_authenticate"),
    page("sign-in/passkey/", views.PasskeySignInView.as_view(), "mfa_login_webauthn"),
    page("sign-in/again/", account.reauthenticate, "account_reauthenticate"),
    page("sign-in/again/code/", mfa.reauthenticate, "mfa_reauthenticate"),
    page("sign-in/again/passkey/", views.PasskeyAgainView.as_view(), "mfa_reauthenticate_webauthn"),
    page("sign-out/", account.logout, "account_logout"),
]

TWO_FACTOR = [
    page("account/two-factor/", views.TwoFactorView.as_view(), "mfa_index"),
    page("account/two-factor/app/", totp.activate_totp, "mfa_activate_totp"),
    page("account/two-factor/app/off/", totp.deactivate_totp, "mfa_deactivate_totp"),
    page(
        "account/two-factor/recovery-codes/",
        recovery_codes.view_recovery_codes,
        "mfa_view_recovery_codes",
    ),
    page(
        "account/two-factor/recovery-codes/file/",
        recovery_codes.download_recovery_codes,
        "mfa_download_recovery_codes",
    ),
    page(
        "account/two-factor/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        "mfa_generate_recovery_codes",
    ),
    # They are listed on the page of it all.
    page(
        "account/two-factor/passkeys/",
        RedirectView.as_view(pattern_name="mfa_index"),
        "mfa_list_webauthn",
    ),
    page("account/two-factor/passkeys/add/", webauthn.add_webauthn, "mfa_add_webauthn"),
    page(
        "account/two-factor/passkeys/<int:pk>/off/", webauthn.remove_webauthn, "mfa_remove_webauthn"
    ),
    page("account/two-factor/passkeys/<int:pk>/", webauthn.edit_webauthn, "mfa_edit_webauthn"),
]

urlpatterns = [*SIGN_IN, *TWO_FACTOR]
