"""Is it alive, and can it serve? ``/healthz`` and ``/readyz``, for the platform that runs it."""

from collections.abc import Callable

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


class LivenessMiddleware:
    """Answers ``/healthz``: the process is alive. Asks nothing else, so that a slow database
    restarts nobody; and before the host's name is checked, as a platform asks by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        return self.get_response(request)


def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and has every migration; else 503 with which is wrong."""
    try:
        checks = {"database": "ok", "migrations": "missing" if missing_migrations() else "ok"}
    except Error:
        checks = {"database": "unreachable", "migrations": "unknown"}
    is_ready = set(checks.values()) == {"ok"}
    status = "ok" if is_ready else "not ready"
    return JsonResponse({"status": status, **checks}, status=200 if is_ready else 503)


def missing_migrations() -> list[str]:
    """Those that the database has yet to get, such as ``crm.0002_search_text``; writes nothing."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
