"""What may a token be for? Each scope with the sentence that people read before they allow it."""

from django.utils.translation import gettext_lazy as _

# Of the API. A personal access token has these, too.
SCOPES = {
    "customers:read": _("See your customers"),
    "customers:write": _("Add, change and delete customers"),
    "orders:read": _("See your orders"),
    "orders:write": _("Place, change and delete orders"),
    "messages:read": _("See the texts sent to customers"),
    "messages:send": _("Send texts to customers, at your cost"),
}
# Of OpenID Connect (Core 1.0, section 5.4), and one of ours: who somebody is.
OPENID_SCOPES = {
    "openid": _("Know that it is you"),
    "profile": _("See your name and your username"),
    "email": _("See your email address"),
    "phone": _("See your phone number"),
    "roles": _("See your roles in the back office"),
}
ALL_SCOPES = OPENID_SCOPES | SCOPES
