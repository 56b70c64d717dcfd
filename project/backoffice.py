"""The admin's face: its colours and its sidebar."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SENT_TEXTS = _("Sent texts")

# A warm green, as on a shop's sign; each step keeps the contrast that its use needs.
COLORS: dict[str, dict[str, str]] = {
    "primary": {
        "50": "oklch(97.7% .017 166)",
        "100": "oklch(94.6% .045 165)",
        "200": "oklch(89.8% .083 164.5)",
        "300": "oklch(83.5% .12 163.5)",
        "400": "oklch(75.5% .14 162.5)",
        "500": "oklch(64% .13 162.5)",
        "600": "oklch(49.5% .105 163)",
        "700": "oklch(44% .092 164)",
        "800": "oklch(38.5% .078 165)",
        "900": "oklch(33.5% .065 166)",
        "950": "oklch(23.5% .048 168)",
    }
}


def favicon(request: HttpRequest) -> str:
    return static("project/favicon.svg")


def before_paint(request: HttpRequest) -> str:
    return static("project/before_paint.js")


def page_leaving(request: HttpRequest) -> str:
    return static("project/page_leaving.js")


def select2_names(request: HttpRequest) -> str:
    return static("project/select2_names.js")


def stylesheet(request: HttpRequest) -> str:
    return static("project/backoffice.css")


def palette_stylesheet(request: HttpRequest) -> str:
    return static("project/palette.css")


def _may_view(permission: str) -> Any:
    def may(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return may


def _item(title: str | Promise, icon: str, url: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{url}"),
        "permission": _may_view(permission),
    }


def _technical(title: str | Promise, icon: str, model: str) -> dict[str, Any]:
    return _item(title, icon, f"{model}_changelist", "identity.view_technical")


def _simulated_phones() -> list[dict[str, Any]]:
    """Where another gateway is in use, texts leave this machine, and there is nothing to play."""
    if settings.SMS_GATEWAY != "simulator":
        return []
    return [_item(_("Simulated phones"), "smartphone", "sms_phones", "sms.view_message")]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: what people do all day first; without what the user may not open."""
    from project import banners  # the settings import this module, before any model

    groups = _groups()
    items = [item for group in groups for item in group["items"]]
    # The simulated phones lie below the texts: of two that fit, the longer address is meant.
    here = [item for item in items if request.path.startswith(str(item["link"]))]
    best = max(here, key=lambda item: len(str(item["link"])), default=None)
    for item in items:
        item["active"] = item is best
        if item["title"] is SENT_TEXTS and banners.are_texts_stopped(request):
            item |= {"badge": _("Stopped"), "badge_variant": "danger"}
    return groups


def items_for(request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the sidebar offers to this one, each with the title of its group."""
    for group in _groups():
        for item in group["items"]:
            if item["permission"](request):
                yield group["title"], item


def _groups() -> list[dict[str, Any]]:
    return [
        {
            "title": _("Shop"),
            "items": [
                _item(_("Orders"), "receipt_long", "crm_order_changelist", "crm.view_order"),
                _item(_("Customers"), "group", "crm_customer_changelist", "crm.view_customer"),
            ],
        },
        {
            "title": _("Texts"),
            "items": [
                _item(SENT_TEXTS, "sms", "sms_message_changelist", "sms.view_message"),
                _item(
                    _("Received texts"), "inbox", "sms_incomingtext_changelist", "sms.view_message"
                ),
                _item(_("Opt-outs"), "block", "sms_consentchange_changelist", "sms.view_message"),
                _item(
                    _("Broadcasts"), "campaign", "sms_broadcast_changelist", "sms.view_broadcast"
                ),
                *_simulated_phones(),
                _item(
                    _("Wording"),
                    "edit_note",
                    "sms_messagetemplate_changelist",
                    "sms.view_messagetemplate",
                ),
            ],
        },
        {
            "title": _("People"),
            "items": [
                _item(_("Users"), "person", "identity_user_changelist", "identity.view_user"),
                _item(
                    _("Invitations"),
                    "mail",
                    "identity_invitation_changelist",
                    "identity.add_user",
                ),
                _item(_("Roles"), "badge", "identity_role_changelist", "identity.view_role"),
                _item(
                    _("Connected apps"),
                    "apps",
                    "identity_application_changelist",
                    "identity.view_application",
                ),
            ],
        },
        {
            "title": _("System"),
            "items": [_item(_("Health"), "monitor_heart", "health", "project.view_health")],
        },
        {
            "title": _("Technical"),
            "items": [
                _technical(_("Signed-in browsers"), "devices", "identity_browsersession"),
                _technical(_("API sign-ins"), "vpn_key", "identity_sessiontoken"),
                _technical(_("Personal tokens"), "key", "identity_personalaccesstoken"),
                _technical(_("Access of apps"), "passkey", "identity_authorization"),
                _technical(_("Waiting tasks"), "schedule", "django_q_ormq"),
                _technical(_("Failed tasks"), "error", "django_q_failure"),
            ],
        },
    ]
