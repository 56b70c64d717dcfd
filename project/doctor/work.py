"""Is the work done? Who does it, and how long it waits."""

from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_q.conf import Conf
from django_q.models import Failure, OrmQ

from project import workers as signs
from project.doctor.findings import Finding, at, broken, look, ok, time_since
from project.models import Worker

_LATE = timedelta(seconds=60)  # for a task: the longest one takes 35 s
_STUCK = timedelta(minutes=10)
_NEWS = timedelta(days=1)  # for which a task that failed is told of


def workers() -> Finding:
    """Which are at work, and which were within a day."""
    now = timezone.now()
    rows = list(Worker.objects.order_by("-seen_at"))
    live = [row for row in rows if row.seen_at >= now - signs.GONE]
    details = [_worker(row) for row in rows]
    if live:
        figure = ngettext("{count} is at work.", "{count} are at work.", len(live))
        return ok(figure.format(count=len(live)), details)
    advice = _(
        "Start one: “python manage.py qcluster”, or what runs it for you; its log says why it "
        "ended. Texts and imports over the API wait for it, and none is lost."
    )
    if rows:
        gone = _("None: the last one was seen {time} ago.")
        return broken(gone.format(time=time_since(rows[0].seen_at)), advice, details)
    if signs.left_waiting(now).exists():
        return broken(_("None has been seen yet, and tasks wait."), advice)
    return look(_("None has been seen yet."), advice)


def _worker(row: Worker) -> str:
    told = _("{name}: at work since {start}, last seen {time} ago.")
    return told.format(name=row.name, start=at(row.started_at), time=time_since(row.seen_at))


def queue() -> Finding:
    """How long the oldest task waits, and which have failed of late."""
    now = timezone.now()
    tasks = OrmQ.objects.filter(key=Conf.CLUSTER_NAME)
    due = tasks.filter(lock__lte=now).aggregate(count=Count("pk"), oldest=Min("lock"))
    figure, waits = _waiting(due["count"], due["oldest"]), now - (due["oldest"] or now)
    later = tasks.filter(lock__gt=now).count()
    told = _("Being done, or for later: {count}.").format(count=f"{later:,}")
    details = [told] if later else []
    if waits > _LATE:
        advice = _("See that a worker runs. If it does, start more: QUEUE_WORKERS says how many.")
        return (broken if waits > _STUCK else look)(figure, advice, details)
    if failed := _failed(now):
        count = f"{sum(failed.values()):,}"
        figure += " " + _("Failed in the last 24 hours: {count}.").format(count=count)
        names = [f"{name}: {count:,}" for name, count in failed.items()]
        return look(figure, _("The worker's log says what went wrong."), [*names, *details])
    return ok(figure, details)


def _waiting(count: int, oldest: datetime | None) -> str:
    if oldest is None:
        return _("No task waits.")
    figure = ngettext(
        "{count} task waits, for {time}.", "{count} tasks wait, the oldest for {time}.", count
    )
    return figure.format(count=f"{count:,}", time=time_since(oldest))


def _failed(now: datetime) -> dict[str, int]:
    """How many of each task, by its name."""
    failures = Failure.objects.filter(stopped__gte=now - _NEWS).order_by("func")
    return dict(failures.values_list("func").annotate(Count("pk")))
