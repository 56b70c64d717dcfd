"""The addresses of the account page, and of what is done there."""

from django.urls import path

from identity.account import views

urlpatterns = [
    path("", views.account, name="account"),
    path("tokens/new/", views.new_token, name="account-token-new"),
    path("tokens/<uuid:token_id>/", views.token, name="account-token"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke_token, name="account-token-revoke"),
    path("apps/<uuid:consent_id>/remove/", views.remove_app, name="account-app-remove"),
]
