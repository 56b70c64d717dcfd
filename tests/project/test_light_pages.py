"""What pages do without, so that they open on a slow line: see the files in ``project/static``."""

from importlib.resources import files

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders

from project.environment import BASE_DIR


@pytest.mark.parametrize(
    "path",
    [
        "unfold/fonts/inter/styles.css",
        "unfold/js/chart/chart.js",
        "admin/js/vendor/xregexp/xregexp.min.js",
    ],
)
def test_our_own_file_stands_in_place_of_the_heavy_one(path: str) -> None:
    assert finders.find(path) == str(BASE_DIR / "project" / "static" / path)
    package = "unfold" if path.startswith("unfold") else "django.contrib.admin"
    assert (files(package) / "static" / path).is_file()  # else there is nothing to replace


def test_no_screen_asks_for_what_is_left_out() -> None:
    slugs = {str(screen) for screen in admin.site._registry.values() if screen.prepopulated_fields}
    assert slugs == set()
