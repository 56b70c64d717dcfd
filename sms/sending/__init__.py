"""Claim, submit, record: how texts leave, each at most once for each time it was decided to.

The gateway knows no idempotency key, so to send twice is to text somebody twice. Therefore an
attempt is committed before the wire is touched, and a message found in SENDING after its worker
died is never sent again by itself: nobody can tell whether it was taken.
"""
