"""What keeps people out of a page, as axe-core finds it."""

from importlib.resources import files

from playwright.sync_api import Page

_SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text()
# What axe leaves out unless asked: targets of 24 px and more (WCAG 2.2, 2.5.8).
_RUN = """rules => axe.run({
    resultTypes: ["violations"],
    rules: {"target-size": {enabled: true}},
    ...(rules.length && {runOnly: {type: "rule", values: rules}}),
})"""


def grave_faults(page: Page, *rules: str) -> list[str]:
    """What axe calls serious or critical, by all of its rules or by these; a line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SOURCE)
    found = page.evaluate(_RUN, list(rules))
    return [
        f"{fault['id']}: {node['target'][0]} {node['html'][:150]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
