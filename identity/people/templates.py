"""What every page may show."""

from django.conf import settings
from django.http import HttpRequest


def business(request: HttpRequest) -> dict[str, str]:
    """A context processor: whose house it is."""
    return {"business": settings.BUSINESS_NAME}
