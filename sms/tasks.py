"""What the worker runs. Tasks are queued by name, with ids only, so that they outlive a deploy."""

from uuid import UUID

from sms import delivery_reports, doorbells, probing, sweeping
from sms.broadcasts import feeder
from sms.sending.drain import send_what_is_due


def send_message(message_id: str) -> None:
    """The bell of one text: send what is due, which may be another one that waits longer."""
    drain()


def send_messages(message_ids: list[str]) -> None:
    """The bell of many texts."""
    drain()


def drain() -> None:
    """Send what is due; where that takes longer than one task may, another one goes on."""
    if send_what_is_due():
        doorbells.ring_at(None)


def probe_line() -> None:
    """Ask whether the gateway is there again, or its account topped up."""
    probing.probe()


def feed_broadcast(broadcast_id: str) -> None:
    """Put the next texts of a broadcast into the queue, and come back for more."""
    feeder.feed(UUID(broadcast_id))


def sweep() -> None:
    """Each minute: mend what dead workers and lost tasks left behind."""
    sweeping.sweep()


def report_simulated_delivery(gateway_message_id: str) -> None:
    """What the simulated phone network says of a text it has delivered."""
    delivery_reports.receive_report(gateway_message_id, "Success", raw={"gateway": "simulator"})
