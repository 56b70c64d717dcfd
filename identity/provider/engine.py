"""django-oauth-toolkit, the engine of the OpenID provider, without the screens that it brings."""

from django.contrib import admin
from oauth2_provider.apps import DOTConfig


class OAuthEngineConfig(DOTConfig):
    """Takes back the admin pages of the engine's tables: they are open to whoever has a permission
    on them, look like another house, and let a token be edited by hand."""

    def ready(self) -> None:
        super().ready()
        for model, screen in list(admin.site._registry.items()):
            if type(screen).__module__ == "oauth2_provider.admin":
                admin.site.unregister(model)
