"""The screens of customers and orders. What they save, the operations save."""

from crm.admin.customers import CustomerAdmin
from crm.admin.orders import OrderAdmin
from crm.admin.saved_views import SavedViewAdmin

__all__ = ["CustomerAdmin", "OrderAdmin", "SavedViewAdmin"]
