"""What a screen says where an operation refuses: why, on the page that it was asked on."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from identity.errors import MayNotBe


def says_why_not(view: Callable[..., Any]) -> Callable[..., Any]:
    """For a view of which nothing is left where an operation in it refuses."""

    @wraps(view)
    def careful(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(self, request, *args, **kwargs)
        except (MayNotBe, ValidationError) as refusal:
            told = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
            messages.error(request, " ".join(told))
            return HttpResponseRedirect(request.get_full_path())

    return careful


class SaysWhyNot:
    """For a screen whose operations can refuse what its forms ask for."""

    @says_why_not
    def changeform_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(*args, **kwargs)  # type: ignore[misc]  # ModelAdmin's

    @says_why_not
    def delete_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().delete_view(*args, **kwargs)  # type: ignore[misc]  # as above

    @says_why_not
    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        view = super().changelist_view  # type: ignore[misc]  # as above
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():  # an action on several logs each before it is done
            return view(request, *args, **kwargs)
