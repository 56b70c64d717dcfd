"""Registration over HTTP."""

from django.http import HttpRequest
from ninja import Router, Status

from crm import registration as operations
from crm.models import Customer
from crm.schemas.registration import RegistrationIn, RegistrationOut
from identity import guard
from identity.accounts import name_parts
from identity.models import User

router = Router(tags=["identity"])


@router.post(
    "/register/", response={201: RegistrationOut}, operation_id="register_account", auth=None
)
def register_account(request: HttpRequest, body: RegistrationIn) -> Status[Customer]:
    """Make an account with which a customer serves themself.

    It comes with a customer record of its own. Sign in with it at `/api/token/`. A username, email
    address or phone number that somebody has already is named in a 400: the answer to a free one is
    the new record itself, and no other would be true. So these requests are few an hour from one
    address.
    """
    user = User(username=body.username, email=body.email, **name_parts(body.name or ""))
    customer = Customer(
        name=body.name or body.username, phone_number=body.phone_number, email=body.email
    )
    with guard.attempt("registration", account=body.username, address=request.META["REMOTE_ADDR"]):
        return Status(201, operations.register(user, body.password, customer))
