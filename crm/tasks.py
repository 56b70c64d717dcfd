"""What the worker runs. Tasks are queued by name, with ids only, so that they outlive a deploy."""

from uuid import UUID

from crm.spreadsheets import jobs


def run_import(import_id: str) -> None:
    """Import the rows of one sheet if that was not done yet."""
    jobs.run_import(UUID(import_id))
