"""Customers, orders and imports: what is kept of them."""

from crm.models.counters import Counter
from crm.models.customers import PHONE_NUMBER_IS_TAKEN, Customer, CustomerQuerySet
from crm.models.distinctions import Distinction
from crm.models.imports import Import, ImportKind, ImportMode, ImportQuerySet, ImportStatus
from crm.models.merges import Merge
from crm.models.notes import CustomerNote
from crm.models.orders import Order, OrderQuerySet, OrderStatus
from crm.models.saved_views import ColumnChoice, SavedView, ViewedList
from crm.models.values import default_currency, validate_one_line, validate_order_time

__all__ = [
    "PHONE_NUMBER_IS_TAKEN",
    "ColumnChoice",
    "Counter",
    "Customer",
    "CustomerNote",
    "CustomerQuerySet",
    "Distinction",
    "Import",
    "ImportKind",
    "ImportMode",
    "ImportQuerySet",
    "ImportStatus",
    "Merge",
    "Order",
    "OrderQuerySet",
    "OrderStatus",
    "SavedView",
    "ViewedList",
    "default_currency",
    "validate_one_line",
    "validate_order_time",
]
