"""How does a person prove who they are? With a username or an email address, and a password."""

from uuid import UUID

from django.contrib.auth.backends import ModelBackend

from identity.models import User
from identity.permissions import permission_names, remember_permissions


class UsernameOrEmailBackend(ModelBackend):
    """Django's own backend; ``UserManager.get_by_natural_key`` takes the email address too.

    An unknown name costs one hash like a known one, so the time tells nothing.
    """

    def get_user(self, user_id: UUID) -> User | None:
        """The user of a browser's session, with what they may do."""
        users = User.objects.annotate(names=permission_names("pk"))
        user = users.filter(pk=user_id, is_active=True).first()
        if user is not None:
            remember_permissions(user, user.names)
        return user
