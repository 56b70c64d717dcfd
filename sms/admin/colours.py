"""The colour of each state of a text, wherever a screen shows one."""

from sms.models import MessageStatus

STATUS_COLOURS = {
    MessageStatus.QUEUED: "info",
    MessageStatus.CLAIMED: "info",
    MessageStatus.SENDING: "info",
    MessageStatus.SENT: "info",
    MessageStatus.DELIVERED: "success",
    MessageStatus.UNDELIVERED: "danger",
    MessageStatus.UNCONFIRMED: "warning",
    MessageStatus.HELD: "warning",
    MessageStatus.FAILED: "danger",
    MessageStatus.SUPPRESSED: "warning",
    MessageStatus.CANCELLED: "warning",
}
