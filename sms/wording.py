"""The wording of texts at each event: what the app comes with, until staff change it."""

import json
from collections.abc import Collection
from pathlib import Path

from django.db import transaction

from sms.models import MessageTemplate


def change_wording(
    template: MessageTemplate, changed: Collection[str] = ("body", "is_active")
) -> None:
    """Save what staff wrote, or whether the text is sent at all; from the next text on.

    Texts that are queued stay as they were. Only what was changed is written: who switches a text
    on or off leaves alone what somebody else wrote meanwhile.

    :raises ValidationError: it uses a word that its event does not have.
    """
    if "body" in changed:
        template.full_clean(validate_constraints=False)
    template.save(update_fields=[*changed, "updated_at"])


@transaction.atomic
def load_templates(path: Path) -> int:
    """Add the templates of a file that are not there yet; how many were added.

    One that is there is left as staff made it. One that is new may come switched off, so that no
    customer of a running shop is texted of what they never were before.

    :raises ValidationError: a template uses a word that its event does not have.
    """
    added = 0
    for row in json.loads(path.read_text()):
        template = MessageTemplate(**row)
        template.full_clean(validate_constraints=False)
        _, is_new = MessageTemplate.objects.get_or_create(
            event=template.event,
            language=template.language,
            defaults={"body": template.body, "is_active": template.is_active},
        )
        added += is_new
    return added
