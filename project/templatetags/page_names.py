"""What is this page called? Its heading and its title say the same."""

from django import template
from django.template import Context
from django.utils.text import capfirst
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag(takes_context=True)
def page_name(context: Context) -> str:
    """The name of a page of the back office; Django calls a list "Select order to change"."""
    opts, record = context.get("opts"), context.get("original")
    if opts and context.get("cl"):
        return str(capfirst(opts.verbose_name_plural))
    if opts and context.get("adminform"):
        return str(record or _("New {thing}").format(thing=opts.verbose_name))
    if "deletable_objects" in context and context.get("object"):
        return _("Delete {thing}?").format(thing=context["object"])
    return str(context.get("title") or "")


@register.simple_tag(takes_context=True)
def page_list(context: Context) -> str:
    """The name of the list that this page lies below, or nothing."""
    opts = context.get("opts")
    return "" if opts is None or context.get("cl") else str(capfirst(opts.verbose_name_plural))
