"""What may a token be for? Each scope with the sentence that people read before they allow it."""

# Of the API. A personal access token has these, too.
SCOPES = {
    "customers:read": "See your customers",
    "customers:write": "Add, change and delete customers",
    "orders:read": "See your orders",
    "orders:write": "Place, change and delete orders",
    "messages:read": "See the texts sent to customers",
    "messages:send": "Send texts to customers, at your cost",
}
# Of OpenID Connect (Core 1.0, section 5.4), and one of ours: who somebody is.
OPENID_SCOPES = {
    "openid": "Know that it is you",
    "profile": "See your name and your username",
    "email": "See your email address",
    "phone": "See your phone number",
    "roles": "See your roles in the back office",
}
ALL_SCOPES = OPENID_SCOPES | SCOPES
