"""The addresses of the front door, under the names by which django-allauth knows them.

What it has and is not here is not open, such as signing in with a code by email.
"""

from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as socialaccount
from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, path, re_path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from identity.people import language, upstream, views
from identity.people.invitations import invitation
from identity.signed_in import freshly_signed_in


def page(address: str, view: Any, name: str) -> URLPattern:
    """One that no cache keeps: it is about one person, and has secrets now and then."""
    return path(address, never_cache(view), name=name)


def own(address: str, view: Any, name: str) -> URLPattern:
    """One of somebody who is signed in. allauth keeps what a stranger sends until they are."""
    return page(address, login_required(view), name)


SIGN_IN = [
    page("sign-in/", views.SignInView.as_view(), "account_login"),
    page("sign-in/closed/", account.account_inactive, "account_inactive"),
    page("sign-in/code/", mfa.authenticate, "mfa_authenticate"),
    page("sign-in/passkey/", views.PasskeySignInView.as_view(), "mfa_login_webauthn"),
    page("sign-in/again/", account.reauthenticate, "account_reauthenticate"),
    page("sign-in/again/code/", mfa.reauthenticate, "mfa_reauthenticate"),
    page("sign-in/again/passkey/", views.PasskeyAgainView.as_view(), "mfa_reauthenticate_webauthn"),
    own("sign-in/again/elsewhere/", upstream.again, "reauthenticate_elsewhere"),
    page("sign-in/elsewhere/", upstream.begin, "openid_connect_login"),
    page("sign-in/elsewhere/done/", upstream.come_back, "openid_connect_callback"),
    page(
        "sign-in/elsewhere/cancelled/",
        socialaccount.login_cancelled,
        "socialaccount_login_cancelled",
    ),
    page("invitation/<str:secret>/", invitation, "invitation"),
    page("sign-out/", account.logout, "account_logout"),
    page("language/", language.choose_language, "choose_language"),
]

TWO_FACTOR = [
    own("account/two-factor/", views.TwoFactorView.as_view(), "mfa_index"),
    own("account/two-factor/app/", views.for_its_owner(totp.activate_totp), "mfa_activate_totp"),
    own("account/two-factor/app/off/", totp.deactivate_totp, "mfa_deactivate_totp"),
    own(
        "account/two-factor/recovery-codes/",
        views.RecoveryCodesView.as_view(),
        "mfa_view_recovery_codes",
    ),
    own(
        "account/two-factor/recovery-codes/file/",
        views.RecoveryCodesFileView.as_view(),
        "mfa_download_recovery_codes",
    ),
    own(
        "account/two-factor/recovery-codes/new/",
        views.NewRecoveryCodesView.as_view(),
        "mfa_generate_recovery_codes",
    ),
    # They are listed on the page of it all.
    own(
        "account/two-factor/passkeys/",
        RedirectView.as_view(pattern_name="mfa_index"),
        "mfa_list_webauthn",
    ),
    own(
        "account/two-factor/passkeys/add/",
        views.for_its_owner(webauthn.add_webauthn),
        "mfa_add_webauthn",
    ),
    own(
        "account/two-factor/passkeys/<int:pk>/off/", webauthn.remove_webauthn, "mfa_remove_webauthn"
    ),
    own("account/two-factor/passkeys/<int:pk>/", webauthn.edit_webauthn, "mfa_edit_webauthn"),
]

PASSWORD = [
    own("account/password/", account.password_change, "account_change_password"),
    own(
        "account/password/first/",
        freshly_signed_in(account.password_set),
        "account_set_password",
    ),
    page("password/forgotten/", account.password_reset, "account_reset_password"),
    page("password/forgotten/sent/", account.password_reset_done, "account_reset_password_done"),
    page(
        "password/new/done/",
        account.password_reset_from_key_done,
        "account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        never_cache(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
]

EMAIL = [
    own("account/email/", views.email, "account_email"),
    page("account/email/sent/", account.email_verification_sent, "account_email_verification_sent"),
    page("account/email/confirm/<str:key>/", account.confirm_email, "account_confirm_email"),
]

urlpatterns = [*SIGN_IN, *PASSWORD, *EMAIL, *TWO_FACTOR]
