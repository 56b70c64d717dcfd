"""A gateway that needs no account: it takes every text, and reports its delivery a moment later.

The report comes by the queue, as a real gateway's comes over the web: it may be there before the
submission is written down. The texts are read on the "Simulated phones" page of the admin.
"""

from django_q.tasks import async_task

from identity.identifiers import new_id
from sms.gateway import Submission
from sms.segments import count_segments


class Simulator:
    name = "simulator"
    is_immediate = True

    def submit(self, phone_number: str, text: str) -> Submission:
        gateway_message_id = f"simulator-{new_id()}"
        async_task("sms.tasks.report_simulated_delivery", gateway_message_id)
        return Submission(gateway_message_id, segments=count_segments(text).segments)

    def balance(self) -> None:
        return None
