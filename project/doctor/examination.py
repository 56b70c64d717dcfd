"""All that is looked at, in the order in which one thing rests on the other."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from project.doctor import machine, storage, texting, work
from project.doctor.findings import Finding, State, broken

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    name: str  # where the page tells of it: ``/admin/health/#name``
    title: str | Promise
    find: Callable[[], Finding]


CHECKS = (
    Check("database", gettext_lazy("Database"), storage.database),
    Check("migrations", gettext_lazy("Migrations"), storage.migrations),
    Check("workers", gettext_lazy("Workers"), work.workers),
    Check("queue", gettext_lazy("Queue"), work.queue),
    Check("texts", gettext_lazy("Texts"), texting.texts),
    Check("gateway", gettext_lazy("Gateway"), texting.gateway),
    Check("backup", gettext_lazy("Backup"), storage.backup),
    Check("disk", gettext_lazy("Disk"), storage.disk),
    Check("clock", gettext_lazy("Clock"), machine.clock),
    Check("versions", gettext_lazy("Versions"), machine.versions),
)


@dataclass(frozen=True)
class Report:
    """What was found of each."""

    found: Sequence[tuple[Check, Finding]]

    def in_state(self, state: State) -> list[str]:
        return [str(check.title) for check, finding in self.found if finding.state == state]

    @property
    def is_broken(self) -> bool:
        return bool(self.in_state(State.BROKEN))

    @property
    def summary(self) -> str:
        """In one sentence, the worst first."""
        parts = []
        if names := self.in_state(State.BROKEN):
            parts.append(_("Broken: {names}.").format(names=", ".join(names)))
        if names := self.in_state(State.LOOK):
            parts.append(_("To look into: {names}.").format(names=", ".join(names)))
        return " ".join(parts) or _("All is well.")

    def as_data(self) -> dict[str, Any]:
        """For a program."""
        return {
            check.name: {
                "state": finding.state,
                "figure": finding.figure,
                "advice": finding.advice,
                "details": list(finding.details),
            }
            for check, finding in self.found
        }


def examine() -> Report:
    """Look at everything; a check that fails is broken, and tells why."""
    return Report([(check, _find(check)) for check in CHECKS])


def _find(check: Check) -> Finding:
    try:
        return check.find()
    except Exception as error:  # whatever ails one check, the others are told
        logger.warning("The check %s failed.", check.name, exc_info=True)
        reason = str(error).strip() or type(error).__name__
        figure = _("It cannot be told: {reason}").format(reason=reason)
        advice = _("Mend what is broken above first; the log of the process has more.")
        return broken(figure, advice)
