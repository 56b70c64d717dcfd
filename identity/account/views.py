"""The account page. Only a browser in which its owner is signed in opens it: no token does, so that
a program which has one cannot make itself another."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity import personal_tokens, sealing
from identity.account import overview
from identity.account.forms import TokenForm
from identity.form_keys import FormWasSentBefore, use_form_key
from identity.models import PersonalAccessToken, User
from identity.provider import authorizations
from identity.signed_in import OwnRequest, freshly_signed_in, own_page

_NEW_TOKEN = "new_token"  # noqa: S105  # where the session keeps it, no secret


@own_page
@require_safe
def account(request: OwnRequest) -> HttpResponse:
    """Who you are here, what acts for you, and who signed in as you."""
    context = {
        "roles": [role.name for role in request.user.groups.order_by("name")],
        "tokens": overview.tokens_of(request.user),
        "apps": overview.apps_of(request.user),
        "sign_ins": overview.sign_ins_of(request.user),
    }
    return render(request, "identity/account.html", context)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
@freshly_signed_in
def new_token(request: OwnRequest) -> HttpResponse:
    """Make a personal access token. It outlives the sign-in, which so must be a fresh one."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            row, text = _make(request.user, form)
        except FormWasSentBefore:
            messages.info(request, _("That token was made already, once."))
            return redirect("account")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            # Sealed, until the next page shows it: the table of sessions is to hold no token.
            request.session[_NEW_TOKEN] = {"id": str(row.pk), "sealed": sealing.seal(text)}
            return redirect("account-token", row.pk)
    return render(request, "identity/new_token.html", {"form": form})


@transaction.atomic
def _make(user: User, form: TokenForm) -> tuple[PersonalAccessToken, str]:
    use_form_key(user, form.cleaned_data["form_key"])
    return personal_tokens.create_token(user, **form.facts)


@own_page
@require_safe
def token(request: OwnRequest, token_id: UUID) -> HttpResponse:
    """A new token, this once; later there is nothing to show of it."""
    row = _own_token(request, token_id)
    kept = request.session.get(_NEW_TOKEN, {})
    text = ""
    if kept.get("id") == str(row.pk) and request.method == "GET":
        del request.session[_NEW_TOKEN]
        text = sealing.unseal(kept["sealed"])
    context = {
        "token": row,
        "text": text,
        "sentences": overview.sentences_of(row.scopes),
        "address": f"{settings.PUBLIC_URL}/api/me/",
    }
    return render(request, "identity/token.html", context)


@own_page
@require_POST
def revoke_token(request: OwnRequest, token_id: UUID) -> HttpResponse:
    """End one of your tokens."""
    row = _own_token(request, token_id)
    personal_tokens.revoke_token(row)
    told = _("{name} was revoked. It gives no access any more.").format(name=row.name)
    messages.success(request, told)
    return redirect("account")


def _own_token(request: OwnRequest, token_id: UUID) -> PersonalAccessToken:
    tokens = PersonalAccessToken.objects.filter(user=request.user)
    return get_object_or_404(tokens, pk=token_id)


@own_page
@require_POST
def remove_app(request: OwnRequest, consent_id: UUID) -> HttpResponse:
    """Take back what you allowed an app."""
    consents = request.user.consents.select_related("application")
    consent = get_object_or_404(consents, pk=consent_id)
    authorizations.revoke_consent(request.user, consent.application)
    told = _("{name} has no access any more.").format(name=consent.application.name)
    messages.success(request, told)
    return redirect("account")
