"""The colour of each state of an order, wherever a screen shows one."""

from crm.models import OrderStatus

ORDER_COLOURS = {
    OrderStatus.PENDING: "warning",
    OrderStatus.PROCESSING: "info",
    OrderStatus.COMPLETED: "success",
    OrderStatus.CANCELLED: "danger",
}
