"""The screens of people: users, roles, and the apps that act for them."""

from identity.admin import invitations, roles, technical, users  # noqa: F401  # each registers its screens
from identity.provider import admin as provider_admin  # noqa: F401  # Django looks here alone
