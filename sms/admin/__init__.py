"""The screens of texts: what was sent and what became of it, what came in, and the wording."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from sms.admin import (  # noqa: F401  # each registers its screens
    broadcasts,
    incoming,
    messages,
    opt_outs,
    templates,
)

# The queue's own tables are for its worker; a text's state is on the text.
for queue_model in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(queue_model)
