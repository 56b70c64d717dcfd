"""How does a person prove who they are? With a username or an email address, and a password."""

from django.contrib.auth.backends import ModelBackend


class UsernameOrEmailBackend(ModelBackend):
    """Django's own backend; ``UserManager.get_by_natural_key`` takes the email address too.

    An unknown name costs one hash like a known one, so the time tells nothing.
    """
