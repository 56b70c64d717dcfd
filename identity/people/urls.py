"""The addresses of the front door, under the names by which django-allauth knows them.

What it has and is not here is not open, such as signing in with a code by email.
"""

from allauth.account import views as account
from django.urls import path
from django.views.decorators.cache import never_cache

from identity.people import views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="account_login"),
    path("sign-in/closed/", never_cache(account.account_inactive), name="account_inactive"),
    path("sign-out/", never_cache(account.logout), name="account_logout"),
]
