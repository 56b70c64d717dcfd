"""The screens of the queue, for who may see what is technical: what waits, and what has failed."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import action, display

from identity.admin.technical import Technical
from identity.times import time_column

# The queue's own screens let a task be edited by hand.
for queue_model in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(queue_model)


@admin.register(OrmQ)
class WaitingTaskAdmin(Technical):
    """What the worker is to do, oldest first. One that it has taken, or that failed, is locked: it
    comes again by itself then."""

    list_display = ("what", "about", "due")
    list_display_links = None
    ordering = ("id",)
    due = time_column("lock", gettext_lazy("Due, or comes again"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request)

    @display(description=gettext_lazy("What"))
    def what(self, task: OrmQ) -> str:
        return str(task.func())

    @display(description=gettext_lazy("About"))
    def about(self, task: OrmQ) -> str:
        """The ids of the rows it is about: tasks have nothing else."""
        return ", ".join(map(str, task.args() or ()))


@admin.register(Failure)
class FailedTaskAdmin(Technical):
    """What went wrong. A task comes again by itself, and what is left to do stands in its row: so
    there is nothing to try again here."""

    list_display = ("func", "name", "at")
    list_filter = ("func",)
    actions = ("discard",)
    fields = readonly_fields = ("func", "name", "args", "started", "stopped", "result")
    at = time_column("stopped", gettext_lazy("Failed"))

    @action(description=gettext_lazy("Discard those chosen"), permissions=["end"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Forget that they failed. What they were to do is not touched by it."""
        count, _ = queryset.delete()
        told = ngettext("{count} was discarded.", "{count} were discarded.", count)
        messages.success(request, told.format(count=count))
