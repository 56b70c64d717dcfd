"""The first page: what this is, and the way in for each who comes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Whoever is signed in sees another page than who is not, so no copy of it is kept."""
    return render(request, "project/landing.html")
