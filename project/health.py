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
        executor = MigrationExecutor(connection)
        is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        checks = {"database": "ok", "migrations": "ok" if is_migrated else "missing"}
    except Error:
        checks = {"database": "unreachable", "migrations": "unknown"}
    is_ready = set(checks.values()) == {"ok"}
    status = "ok" if is_ready else "not ready"
    return JsonResponse({"status": status, **checks}, status=200 if is_ready else 503)
