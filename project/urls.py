"""Every address of the house."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from crm.sign_up import complete_sign_up, sign_up, sign_up_sent
from identity.people.views import staff_door
from identity.provider.urls import root_urlpatterns
from project import docs, health_page
from project.api import api
from project.health import readyz
from project.landing import landing
from project.palette.views import palette
from project.problems import api_not_found

favicon = lazy(static, str)("project/favicon.svg")  # its address is known once files are collected
admin.site.index_title = _("Home")
admin.site.index_template = "project/home.html"
admin.site.extra_urls = health_page.doors  # type: ignore[attr-defined]  # Unfold's site asks it

urlpatterns = [
    path("", landing, name="home"),
    path("", include("identity.people.urls")),
    path("account/", include("identity.account.urls")),
    path("sign-up/", sign_up, name="account_signup"),
    path("sign-up/sent/", sign_up_sent, name="sign_up_sent"),
    path("sign-up/<str:sealed>/", complete_sign_up, name="complete_sign_up"),
    # Before the admin's own, which ask for a password only, and as often as one likes.
    path("admin/login/", staff_door),
    path(
        "admin/password_change/",
        RedirectView.as_view(pattern_name="account_change_password"),
    ),
    # And Unfold's own search, which keeps what it found, of whatever it was, for five minutes.
    path("admin/search/", admin.site.admin_view(palette)),
    path("admin/", admin.site.urls),
    path("api/docs", docs.swagger_ui, name="api-docs"),
    path("api/docs/oauth2-redirect", docs.oauth2_redirect, name="api-docs-oauth2-redirect"),
    path("api/redoc", docs.redoc, name="api-redoc"),
    path("api/", api.urls),
    re_path(r"^api/", api_not_found),
    path("my-orders/", include("crm.my_orders.urls")),
    path("sms/callbacks/", include("sms.webhooks")),
    path("o/", include("identity.provider.urls")),
    *root_urlpatterns,
    path("favicon.ico", RedirectView.as_view(url=favicon), name="favicon"),
    path("readyz", readyz, name="readyz"),
]
