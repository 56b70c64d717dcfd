"""For the template that stands in place of a list's rows."""

from typing import Any

from django import template
from django.contrib.admin.views.main import ChangeList
from django.template import RequestContext

from project.empty_lists import Offer, offer_for

register = template.Library()


@register.simple_tag(takes_context=True)
def empty_list(context: RequestContext, cl: ChangeList) -> Offer:
    request: Any = context.request
    return offer_for(request, cl)
