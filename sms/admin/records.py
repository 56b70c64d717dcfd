"""For lists whose records are compact on a phone."""

from typing import ClassVar


class CompactRecords:
    """Before a ``ModelAdmin`` of what concerns texts."""

    class Media:
        css: ClassVar = {"all": ["sms/records.css", "sms/texts.css"]}
