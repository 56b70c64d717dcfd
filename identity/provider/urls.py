"""The addresses of the OpenID provider. Those of the engine that are not here are not open."""

from django.urls import path
from oauth2_provider.views import OAuthServerMetadataView

from identity.provider import views

app_name = "oauth2_provider"  # under which the engine looks for what it tells of in its metadata

METADATA = ".well-known/oauth-authorization-server"

urlpatterns = [
    path("authorize/", views.authorize, name="authorize"),
    path("token/", views.token, name="token"),
    path("revoke_token/", views.revoke_token, name="revoke-token"),
    # The issuer has a path, so RFC 8414, section 3.1, puts this at the root; many look here.
    path(METADATA, OAuthServerMetadataView.as_view(), name="oauth-server-metadata"),
]
