"""A page of the back office can be read once its styles have come: no script holds it up.

Unfold's skeleton, Django and our own pages ask for up to 25 scripts, most of them as if the page
could not be shown without, and for some that no page of ours needs.
"""

import re
from typing import Any

from django import template
from django.template.base import Parser, Token
from django.template.loader_tags import ExtendsNode

register = template.Library()

# Letters, as the device has some; all icons, in place of which those in use come with our styles;
# charts, which nobody draws; and rows to be sorted by hand.
_LEFT_OUT = (
    *("fonts/inter/styles", "fonts/material-symbols/styles"),
    *("js/chart/chart", "js/alpine/alpine.sort"),
)
_HEAVY = re.compile(
    rf"<(?:link|script)\b[^>]*/unfold/(?:{'|'.join(_LEFT_OUT)})\.[^>]*>(?:</script>)?"
)
_TURNER = re.compile(r"<script\b[^>]*/unfold/js/htmx/htmx\.[^>]*></script>")
_IS_TURNED = re.compile(r"\shx-(?:get|post)=")  # the pages of an inline
_WAITED_FOR = "project/before_paint."
_SCRIPT = re.compile(r"<script\b[^>]*\ssrc=[^>]*>\s*</script>")
_HOW = re.compile(r"\s(async|defer)\b")


class _LightPage(ExtendsNode):
    must_be_first = False  # after the {% load %} of its own tag

    def render(self, context: Any) -> str:
        return light(super().render(context))


@register.tag
def extends_lightly(parser: Parser, token: Token) -> _LightPage:
    """As ``extends``, and the page that comes of it is made a light one."""
    _name, parent = token.split_contents()
    return _LightPage(parser.parse(), parser.compile_filter(parent))


def light(html: str) -> str:
    """The same page without what it does not use; its scripts come beside it, and run once it is
    there, in the order in which they ran before: those that it waited for, then the others."""
    html = _HEAVY.sub("", html)
    if not _IS_TURNED.search(html):
        html = _TURNER.sub("", html)
    waited_for, others = list[str](), list[str]()

    def take(found: re.Match[str]) -> str:
        script, how = found[0], _HOW.search(found[0])
        if _WAITED_FOR in script or (how and how[1] == "async"):
            return script
        (others if how else waited_for).append(script)
        return ""

    html = _SCRIPT.sub(take, html)
    scripts = [script.replace("<script", "<script defer", 1) for script in waited_for]
    head, end, body = html.partition("</head>")
    return "".join([head, *scripts, *others, end, body])
