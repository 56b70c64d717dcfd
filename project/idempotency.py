"""Was this very request made before? ``Idempotency-Key``, for unsafe requests of known callers.

As draft-ietf-httpapi-idempotency-key-header-07 has it: the same key with the same request replays
the first answer; with another request it is 422; while the first is being worked on it is 409. A
key is remembered for 24 hours, for its user and the app they use, whatever token is sent with it;
each personal token is an app of its own.

Why an effect happens once and never without its answer:

1. A row that claims the key is committed before the operation begins, so that a second request sees
   it and is told so at once, instead of waiting for the first.
2. What the operation writes and the answer it gives commit in one transaction.
3. A process that dies rolls its transaction back, and leaves a claim whose lease runs out; whoever
   comes then takes it over. Should the first be slow and not dead, it finds at its end that the
   claim is not its own any more, and rolls back. So the lease decides how long a retry has to wait
   after a crash, and never whether something happens twice.

Which answers are kept: every one that the operation came to, "success or an error" (section 2.6),
so 400, 404 and 409 replay as well: a client that corrects its request sends a new key (section
2.7). Not kept are the answers that say nothing of the request itself, as the same request may do
well later: of the credential (401, 403), of the moment (429), of a body that was never read (413,
415), of a precondition, where the operation must not be performed (412: RFC 9110, section 13.1.1),
and faults of ours (5xx), which leave nothing behind. For the same reason preconditions are no part
of what makes two requests the same.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI

from identity.tokens import Caller
from project.models import IdempotencyRecord
from project.problems import fields_response, problem_response

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LIFETIME = timedelta(hours=24)
LEASE = timedelta(seconds=90)  # longer than the web server lets a worker hang
MAX_KEY_LENGTH = 255

_NOT_KEPT = frozenset({401, 403, 412, 413, 415, 429})
_CLAIM_TRIES = 3  # each fails only where another request claimed or released the key in between
_FORGOTTEN_AT_ONCE = 10  # more than come in with one request, so that a backlog shrinks

_BARE = re.compile(r"[!#-~][!-~]*")
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\])+)"')  # RFC 8941, section 3.3.3; no spaces

Run = Callable[..., HttpResponse]


class Answered(Exception):
    """The key alone decides the answer: the operation is not asked."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def _tell(request: HttpRequest, answered: Answered | type[Answered]) -> HttpResponse:
    assert isinstance(answered, Answered)  # noqa: S101  # narrows the type: Ninja's has the class
    return answered.response


class IdempotentAPI(NinjaAPI):
    """Answers a request that carries a key once, and the same again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_exception_handler(Answered, _tell)
        self.add_decorator(self._once, mode="view")  # around the whole, from credential to answer

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Begin, as Ninja asks for this once the caller is known and may come, and then parses the
        body and runs the operation."""
        attempt: Attempt | None = getattr(request, "attempt", None)
        if attempt is not None:
            attempt.begin(request)
        return super().create_temporal_response(request)

    def _once(self, run: Run) -> Run:
        @wraps(run)
        def run_once(request: HttpRequest, **path: Any) -> HttpResponse:
            if request.method not in UNSAFE_METHODS or HEADER not in request.headers:
                return run(request, **path)
            attempt = Attempt()
            request.attempt = attempt  # type: ignore[attr-defined]  # for the beginning, above
            try:
                with attempt.transaction:
                    with attempt.savepoint:
                        response = run(request, **path)
                        attempt.judge(response)
                    attempt.settle(response)
            except Exception as error:  # noqa: BLE001  # the table of problems knows each
                attempt.give_up()
                return self.on_exception(request, error)
            return response

        return run_once


class Attempt:
    """One request with a key, from its claim to its answer."""

    def __init__(self) -> None:
        self.claim: IdempotencyRecord | None = None
        # Entered by `begin`, in the midst of Ninja's run, and left around it.
        self.transaction, self.savepoint = ExitStack(), ExitStack()

    def begin(self, request: HttpRequest) -> None:
        """Claim the key, and open the transaction of the operation and its answer.

        Without a caller nothing is kept: what such operations answer are secrets.

        :raises Answered: the operation is not to run.
        """
        caller = getattr(request, "auth", None)
        if not isinstance(caller, Caller):
            return
        key = read_key(request.headers[HEADER])
        self.claim = _claim(caller, key, fingerprint(request))
        self.transaction.enter_context(transaction.atomic(durable=True))
        if connection.vendor == "postgresql":
            # A reference to a row that was just deleted is refused where a transaction ends. The
            # operation answers that at the end of its own, which now is only a savepoint.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # So that an operation can be undone, and its answer kept.
        self.savepoint.enter_context(transaction.atomic())

    def judge(self, response: HttpResponse) -> None:
        """Undo the operation where it failed: a retry must find nothing of it.

        :raises RuntimeError: it is to be undone, and says that it is done.
        """
        if self.claim is None:
            return
        if response.status_code >= 500:
            transaction.set_rollback(True)
        elif response.status_code < 400 and transaction.get_rollback():
            raise RuntimeError("The operation answers that it is done, and was rolled back.")

    def settle(self, response: HttpResponse) -> None:
        """Keep the answer, or release the key.

        :raises Answered: somebody else took the claim over; what was done here is to be undone.
        """
        if self.claim is None:
            return
        if is_kept(response.status_code):
            count = self._claimed().update(
                status=response.status_code,
                headers=dict(response.items()),
                body=response.content,
            )
        else:
            count, _ = self._claimed().delete()
        if not count:
            raise Answered(_being_worked_on())

    def give_up(self) -> None:
        """Release the key after an exception. Where the database is gone too, the lease does it."""
        with suppress(Error):
            self._claimed().delete()

    def _claimed(self) -> "QuerySet[IdempotencyRecord]":
        """The row while the claim on it is ours and unfinished; else no row."""
        if self.claim is None:
            return IdempotencyRecord.objects.none()
        return IdempotencyRecord.objects.filter(
            pk=self.claim.pk, claim=self.claim.claim, status=None
        )


def is_kept(status: int) -> bool:
    """Whether an answer with this status is replayed; see the top for why not."""
    return status < 500 and status not in _NOT_KEPT


def read_key(value: str) -> str:
    """The key in the header: a string in quotes, as the draft has it, or bare, as most send it.

    :raises Answered: it is neither.
    """
    quoted = _QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    if len(key) > MAX_KEY_LENGTH or not (quoted or _BARE.fullmatch(value)):
        message = f"Send 1 to {MAX_KEY_LENGTH} visible ASCII characters, such as a UUID."
        raise Answered(fields_response({HEADER: [message]}))
    return key


def fingerprint(request: HttpRequest) -> str:
    """What makes two requests the same: method, path, query, content type and body.

    A form with files is hashed by its fields and contents: its boundary is another each time, and
    its body is read in a stream.
    """
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            digest.update(len(data).to_bytes(8) + data)  # so that no two lists read the same

    add(request.method or "", request.path, request.META.get("QUERY_STRING", ""))
    add(request.content_type or "")
    if request.method != "POST" or request.content_type != "multipart/form-data":
        add(request.body)
        return digest.hexdigest()
    for name, values in request.POST.lists():
        add("field", name, *map(str, values))
    for name, files in request.FILES.lists():
        for file in files:
            add("file", name, file.name or "", file.content_type or "", str(file.size))
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return digest.hexdigest()


def _claim(caller: Caller, key: str, asked: str) -> IdempotencyRecord:
    """Commit a claim on the key; the row is looked at first, as a look never waits for a writer.

    :raises Answered: see ``_answer_from``.
    """
    for _ in range(_CLAIM_TRIES):
        now = timezone.now()
        mine = IdempotencyRecord(
            user=caller.user,
            client=caller.client,
            key=key,
            fingerprint=asked,
            created_at=now,
            locked_until=now + LEASE,
        )
        known = IdempotencyRecord.objects.filter(
            user=caller.user, client=caller.client, key=key
        ).first()
        if known is None:
            is_claimed = _insert(mine)
        else:
            if known.created_at > now - LIFETIME:
                _answer_from(known, mine)
            is_claimed = _take_over(known, mine)
        if is_claimed:
            return mine
    raise Answered(_being_worked_on())


def _answer_from(known: IdempotencyRecord, mine: IdempotencyRecord) -> None:
    """Say what the row that is there already says; nothing, where its claim's lease has run out.

    :raises Answered: the request was answered before, or is being worked on; or it is another one.
    """
    if known.fingerprint != mine.fingerprint:
        raise Answered(
            problem_response(
                422, f"This {HEADER} was used with another request. Send a new one with a new key."
            )
        )
    if known.status is not None:
        response = HttpResponse(bytes(known.body), status=known.status, headers=known.headers)
        response[REPLAYED] = "true"
        raise Answered(response)
    if known.locked_until > mine.created_at:
        raise Answered(_being_worked_on())


def _being_worked_on() -> HttpResponse:
    response = problem_response(
        409, f"The first request with this {HEADER} is still being worked on. Try again shortly."
    )
    response["Retry-After"] = "1"
    return response


def _insert(mine: IdempotencyRecord) -> bool:
    """Whether we were the first; some keys that are too old go at the same time."""
    try:
        with transaction.atomic(durable=True):
            mine.save(force_insert=True)
            _forget_old_keys(mine)
    except IntegrityError:
        return False
    return True


def _forget_old_keys(mine: IdempotencyRecord) -> None:
    old = IdempotencyRecord.objects.filter(created_at__lte=mine.created_at - LIFETIME)
    # Another request may be at the same rows: each takes those that nobody holds.
    free = old.order_by("created_at").select_for_update(skip_locked=True).values("pk")
    IdempotencyRecord.objects.filter(pk__in=free[:_FORGOTTEN_AT_ONCE]).delete()


def _take_over(known: IdempotencyRecord, mine: IdempotencyRecord) -> bool:
    """Whether the row was still as we saw it, and is ours now."""
    mine.pk = known.pk
    return bool(
        IdempotencyRecord.objects.filter(
            pk=known.pk, claim=known.claim, status=known.status
        ).update(
            claim=mine.claim,
            fingerprint=mine.fingerprint,
            created_at=mine.created_at,
            locked_until=mine.locked_until,
            status=None,
            headers={},
            body=b"",
        )
    )
