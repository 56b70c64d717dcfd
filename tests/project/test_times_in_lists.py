"""Each list of the back office tells times as people say them."""

import pytest
from django.contrib import admin
from django.db import models

LISTS = [each for each in admin.site._registry.values() if each.model._meta.app_label != "auth"]


@pytest.mark.parametrize("screen", LISTS, ids=lambda each: each.model._meta.model_name)
def test_no_list_tells_a_time_in_figures(screen: admin.ModelAdmin[models.Model]) -> None:
    fields = {each.name: each for each in screen.model._meta.fields}
    shown = [fields[name] for name in screen.list_display if name in fields]
    assert not [each.name for each in shown if isinstance(each, models.DateTimeField)]
