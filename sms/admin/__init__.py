"""The screens of texts: what was sent and what became of it, what came in, and the wording."""

from sms.admin import (  # noqa: F401  # each registers its screens
    broadcasts,
    incoming,
    messages,
    opt_outs,
    queue,
    templates,
)
