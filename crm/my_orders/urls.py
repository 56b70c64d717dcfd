"""The addresses of My orders, and of what is done there."""

from django.urls import path

from crm.my_orders import views

urlpatterns = [
    path("", views.my_orders, name="my-orders"),
    path("register/", views.register, name="my-orders-register"),
    path("<uuid:order_id>/cancel/", views.cancel, name="my-orders-cancel"),
    path("stop-texts/", views.stop_texts, name="my-orders-stop-texts"),
]
