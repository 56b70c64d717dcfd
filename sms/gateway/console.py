"""A gateway for development: each text is printed where the worker logs."""

import sys

from identity.identifiers import new_id
from sms.gateway import Submission


class Console:
    name = "console"
    is_immediate = True

    def submit(self, phone_number: str, text: str) -> Submission:
        print(f"Text to {phone_number}: {text}", file=sys.stdout, flush=True)
        return Submission(gateway_message_id=f"console-{new_id()}")

    def balance(self) -> None:
        return None
