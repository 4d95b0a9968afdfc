"""The pictures of the pages in docs/pictures, taken of the real service with the versions in the registry.

`make pictures` runs it; it needs Chromium.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import CHROMIUM, DESKTOP, PATIENCE, PHONE, open_browser
from tests.server import ROOT, Server

PICTURES = ROOT / "docs" / "pictures"
COLOURS = 256  # of a palette: a third of the size, and as good
LINES = "Are we still on for lunch?\nFREE entry! Txt WIN to 87121\nYour code is 482913\nCall to claim your prize"


def main() -> None:
    if CHROMIUM is None:
        sys.exit("pictures: Chromium is not installed")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, open_browser() as browser:
        take(browser, server, "answer", answer)
        take(browser, server, "comparison", comparison)
        take(browser, server, "many", many, color_scheme="dark")
        take(browser, server, "versions", versions)
        take(browser, server, "phone", answer, viewport=PHONE, color_scheme="dark")


def take(browser: Browser, server: Server, name: str, drive: Callable[[Page], None], **options: Any) -> None:
    """Open the page in a new window, let `drive` use it, and write a picture of the page."""
    context = browser.new_context(base_url=server.url, **{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/")
    page.locator("#examples button").first.wait_for()
    drive(page)
    page.evaluate("document.activeElement.blur()")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    path = PICTURES / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"pictures: {path.relative_to(ROOT)}, {path.stat().st_size / 1e3:.0f} kB")
    context.close()


def answer(page: Page) -> None:
    page.check("#explain")
    page.get_by_role("button", name="a parcel").click()
    page.locator("#take").wait_for()


def comparison(page: Page) -> None:
    answer(page)
    page.get_by_role("button", name="Compare versions").click()
    page.locator(".side-by-side").wait_for()
    page.locator("#take").wait_for()


def many(page: Page) -> None:
    page.fill("#text", LINES)
    page.get_by_role("button", name="Predict each of").click()
    page.locator("#run").click()
    page.locator("#outcome").wait_for()


def versions(page: Page) -> None:
    page.goto("/versions")
    page.locator("#rows tr").first.wait_for()


if __name__ == "__main__":
    main()
