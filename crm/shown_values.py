"""What did somebody see on the page whose form they send? A form of a record that knows."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField, MultiWidget
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import timeline
from crm.errors import ChangedMeanwhile
from crm.models import Customer, Order
from identity.times import words_for

Form = forms.ModelForm[Any]


def remember_what_was_shown(form: Form) -> None:
    """Send the shown values along, so that ``changed_data`` is what the person changed on the page,
    not what the row differs in by now."""
    for field in form.fields.values():
        field.show_hidden_initial = True
    if isinstance(form.data, QueryDict):
        # By these names Django finds the values again of a field that has several inputs; else it
        # takes what was typed for what was shown when a form comes back.
        form.data = form.data.copy()
        for bound in _known(form):
            form.data.setdefault(bound.html_initial_name, "")


def seen_on(form: Form) -> dict[str, Any]:
    """What the person saw in the place of each value that they changed, where the form tells."""
    seen = {}
    for bound in _known(form):
        if bound.name in form.changed_data:
            raw = form._widget_data_value(bound.field.hidden_widget(), bound.html_initial_name)  # type: ignore[attr-defined]  # as Django's own field reads it
            try:
                seen[bound.name] = bound.field.clean(raw)
            except ValidationError:  # such as a customer who is gone since
                seen[bound.name] = None
    return seen


def show_conflict(form: Form, conflict: ChangedMeanwhile) -> None:
    """Bring what was shown up to date, keep what was typed, and say who was quicker with what.

    Whoever sends the form then has seen it.
    """
    record = type(form.instance).objects.get(pk=form.instance.pk)
    present = type(form)(instance=record)
    typed = set(form.changed_data)
    data = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict
    for name in form.fields:
        if name in typed and name not in conflict.names:
            continue
        data.update(dict(_as_sent(present[name], present[name].html_initial_name)))
        if name not in typed:
            for key, value in _as_sent(present[name], name):
                data[key] = value
    form.data = data
    for name in conflict.names:
        form.add_error(name, _told_of(record, name))


def _known(form: Form) -> Iterator[BoundField]:
    """The fields of which the sent form tells what they showed."""
    for name in form.fields:
        bound = form[name]
        inputs = [key for key, _value in _as_sent(bound, bound.html_initial_name)]
        if all(key in form.data for key in inputs):
            yield bound


def _as_sent(bound: BoundField, name: str) -> Iterator[tuple[str, str]]:
    """The names and values of the inputs by which a field is sent."""
    widget, value = bound.field.hidden_widget(), bound.value()
    if isinstance(widget, MultiWidget):
        parts = value if isinstance(value, list) else widget.decompress(value) or []
        for number, (each, part) in enumerate(zip(widget.widgets, parts, strict=True)):
            yield f"{name}_{number}", str(each.format_value(part) or "")
    else:
        yield name, str(widget.format_value(value) or "")


def _told_of(record: Customer | Order, name: str) -> str:
    label = timeline.label_of(record._meta.get_field(name))
    for entry in timeline.entries_of(record):
        for change in entry.changes:
            if change.field == label:
                return _(
                    "{who} changed this from “{old}” to “{new}” ({when}). Look at it, and save "
                    "again to put yours in its place."
                ).format(
                    who=entry.by,
                    old=change.old,
                    new=change.new,
                    when=words_for(entry.at, timezone.now()),
                )
    return _("Somebody changed this. Look at it, and save again to put yours in its place.")
