"""What the tests of the pages do on a page."""

import pytest

from tests.browser import CHROMIUM

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="the pages are tested in Chromium, which is not installed")
REPORT = "<h1>Report</h1><style>h1 { color: rgb(1, 2, 3) }</style><script>document.title = 'run'</script>"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def ask(page, text, button="Predict"):
    page.fill("#text", text)
    page.get_by_role("button", name=button, exact=True).click()
    page.locator("#take:not([hidden])").wait_for()


def said(page, selector):
    """The text of an element in one line, with plain spaces."""
    return " ".join(page.locator(selector).inner_text().split())


def run_module(page, module, expression, argument=None):
    """The value of an expression over a module `m` of the page and `it`, the argument."""
    return page.evaluate(
        f"async (it) => {{ const m = await import('/web/{module}.js'); return {expression} }}", argument
    )


def copied(page, button):
    page.get_by_role("button", name=button).click()
    page.locator("#copied", has_text="Copied.").wait_for()
    return page.evaluate("navigator.clipboard.readText()")
