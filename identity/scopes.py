"""What may a token be for? The scopes of the API, each with the sentence people read."""

SCOPES = {
    "customers:read": "See your customers",
    "customers:write": "Add, change and delete customers",
    "orders:read": "See your orders",
    "orders:write": "Place, change and delete orders",
    "messages:read": "See the texts sent to customers",
    "messages:send": "Send texts to customers, at your cost",
}
