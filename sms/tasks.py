"""What the worker runs. Tasks are queued by name, with ids only, so that they outlive a deploy."""

from uuid import UUID

from sms import delivery_reports, outbox, sending


def send_message(message_id: str) -> None:
    """Send one message if it is due."""
    sending.send(UUID(message_id))


def send_messages(message_ids: list[str]) -> None:
    """Make a task of its own for each of many messages."""
    outbox.queue_tasks([UUID(message_id) for message_id in message_ids])


def report_simulated_delivery(gateway_message_id: str) -> None:
    """What the simulated phone network says of a text it has delivered."""
    delivery_reports.receive_report(gateway_message_id, "Success", raw={"gateway": "simulator"})
