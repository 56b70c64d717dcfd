"""The addresses of the OpenID provider. Those of the engine that are not here are not open."""

from django.urls import path

from identity.provider.views import authorize, device, logout, metadata, tokens, userinfo

app_name = "oauth2_provider"

OPENID_METADATA = ".well-known/openid-configuration"
OAUTH_METADATA = ".well-known/oauth-authorization-server"

urlpatterns = [
    path("authorize/", authorize.authorize, name="authorize"),
    path("consent/", authorize.consent, name="consent"),
    path("token/", tokens.token, name="token"),
    path("revoke_token/", tokens.revoke_token, name="revoke-token"),
    path("introspect/", tokens.introspect, name="introspect"),
    path("userinfo/", userinfo.userinfo, name="userinfo"),
    path("device_authorization/", tokens.device_authorization, name="device-authorization"),
    path("device/", device.device, name="device"),
    path("logout/", logout.end_session, name="end-session"),
    path("logout/confirm/", logout.confirm, name="end-session-confirm"),
    path("jwks/", metadata.jwks, name="jwks"),
    path(OPENID_METADATA, metadata.metadata, name="openid-metadata"),
    # The issuer has a path, so RFC 8414, section 3.1, puts this at the root; many look here.
    path(OAUTH_METADATA, metadata.metadata, name="oauth-metadata"),
]

# To be mounted at the root, with the issuer's path at their end.
root_urlpatterns = [
    path(f"{OAUTH_METADATA}/o", metadata.metadata, name="oauth-metadata"),
    path(f"{OPENID_METADATA}/o", metadata.metadata, name="openid-metadata"),
]
