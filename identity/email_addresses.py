"""Which rows go with the email address of a user? django-allauth keeps there who confirmed what."""

from allauth.account.models import EmailAddress
from django.db import transaction

from identity.models import User


@transaction.atomic
def follow_email(user: User) -> None:
    """After somebody else gave the user another address: the old one is free, with what was
    confirmed of it, and that the new one is theirs they have yet to show."""
    EmailAddress.objects.filter(user=user).delete()
    if user.email:
        EmailAddress.objects.create(user=user, email=user.email.lower(), primary=True)
