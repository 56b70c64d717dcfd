"""For lists of what has a phone: found by it, in whichever form it is written."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from sms.phone_numbers import find_phone_number


class PhoneSearch:
    """Before a ``ModelAdmin`` that has ``search_fields``, of rows that have a ``phone_number``."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]  # of the ModelAdmin beside it
        if phone_number := find_phone_number(search_term):
            found |= queryset.filter(phone_number=phone_number)
        return found, may_repeat
