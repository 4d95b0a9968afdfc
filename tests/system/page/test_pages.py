"""The pages as a whole: versions and state, documentation, what they may load, access and accessibility."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import DESKTOP, PHONE
from tests.server import Server
from tests.system.page.tools import CLIPBOARD, REPORT, ask, copied, needs_chromium, said

pytestmark = needs_chromium


def test_versions_and_state_are_a_page(visit, complaints):
    page = visit("/versions")
    page.locator("#rows tr").first.wait_for()
    rows = {
        row.locator("th").inner_text(): [" ".join(cell.split()) for cell in row.locator("td").all_inner_texts()]
        for row in page.locator("#rows tr").all()
    }
    assert rows["aliases"] == ["challenger", "champion"] and rows["variant"] == ["toy", "toy"]
    assert rows["spam caught"] == ["95.0 % (best) +3.1 ▲ better", "91.9 %"]
    assert (
        rows["corpus sms: caught"] == ["not measured", "91.9 %"]
        and "stand-in: a part of the corpus" in rows["warning"][0]
    )
    state = said(page, "#state")
    for told in ("all go to the champion, version 1", "Shadow challenger predicts", "sqlite, answers", "read at"):
        assert told in state
    assert "Not served version 3 (candidate): " in state and "damaged, its digest is" in said(page, "#problems")
    page.get_by_role("link", name="report of version 1").click()
    page.get_by_role("heading", name="Report").wait_for()
    colour = page.locator("h1").evaluate("(heading) => getComputedStyle(heading).color")
    assert colour == "rgb(1, 2, 3)" and page.title() != "run"
    assert "Blocked script execution" in complaints.pop()


def test_the_documentation_works_under_its_own_policy(visit):
    page = visit("/docs")
    page.get_by_role("button", name="/compare").first.wait_for()


def test_no_text_can_become_a_script(page, complaints):
    attack = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>free"
    page.check("#explain")
    ask(page, attack, "Compare versions")
    assert page.title() == "sms-spam" and page.locator("#answers img").count() == 0
    refused = "try { document.body.innerHTML = '<b>'; return 'set' } catch (error) { return error.name }"
    assert page.evaluate(f"() => {{ {refused} }}") == "TypeError"
    assert "requires 'TrustedHTML'" in complaints.pop()


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
def test_it_is_accessible_and_fits(visit, viewport, scheme):
    page = visit(viewport=viewport, color_scheme=scheme)
    page.locator("#examples button").first.wait_for()
    page.check("#explain")
    page.fill("#text", "free\nlunch")
    page.get_by_role("button", name="Predict each of 2 lines").click()
    page.get_by_role("button", name="Predict 2 messages").click()
    page.locator("#outcome").wait_for()
    ask(page, "free home", "Compare versions")
    page.get_by_text("Your calls of this hour").click()
    page.locator("#log li").first.wait_for()
    check_accessibility(page)
    page.goto("/versions")
    page.locator("#rows tr").first.wait_for()
    check_accessibility(page)


def check_accessibility(page):
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_it_is_used_with_the_keyboard_alone(page):
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("free")
    page.keyboard.press("Control+Enter")
    page.locator("article").wait_for()
    ask(page, "free", "Compare versions")


@pytest.fixture(scope="module")
def closed(tmp_path_factory, uri):
    """A service that asks for a key, protects its operations and allows 300 texts an hour; and keys by their names."""
    from bentos.callers.keys import add_line, new_key

    folder = tmp_path_factory.mktemp("closed")
    rights = {"web": {"predict", "operate"}, "bea": {"review"}, "cal": {"predict"}}
    made = {name: new_key(name, frozenset(given)) for name, given in rights.items()}
    for _, line in made.values():
        add_line(folder / "keys", line)
    settings = {"MLFLOW_TRACKING_URI": uri, "API_KEYS_FILE": str(folder / "keys"), "RATE_LIMIT": "300/hour"}
    with Server(folder, PROTECT_OPERATIONS="true", **settings) as server:
        yield server, {name: key for name, (key, _) in made.items()}


def use_key(page, key):
    page.get_by_label("This service asks for an API key").fill(key)
    page.get_by_role("button", name="Use it").click()


def test_a_right_that_is_missing_is_told_and_another_key_can_be_given(visit, closed):
    server, keys = closed
    page = visit("/versions", url=server.url)
    use_key(page, keys["bea"])
    page.locator(
        "#error", has_text="this needs a key with the right `predict`; the one sent, bea's, has: review"
    ).wait_for()
    use_key(page, keys["cal"])
    page.get_by_text("cal, with the right to predict").wait_for()
    assert "what is wrong is told to keys with the right operate" in said(page, "#problems")
    for link in ("report of version 1", "Metrics"):
        page.get_by_role("link", name=link).click()
        page.locator("#error", has_text="this needs a key with the right `operate`; the one sent, cal's").wait_for()
    use_key(page, keys["web"])
    page.get_by_text("web, with the right to predict and operate").wait_for()
    assert "damaged" in said(page, "#problems")
    with page.expect_download() as download:
        page.get_by_role("link", name="Metrics").click()
    assert "spam_ready 1.0" in download.value.path().read_text()


def test_a_service_with_keys_asks_for_one_and_the_tab_keeps_it(visit, closed):
    server, key = closed[0], closed[1]["web"]
    page = visit("/#text=free", url=server.url, permissions=CLIPBOARD)
    use_key(page, key)
    page.locator("article").wait_for()
    assert "You are web" in said(page, "#you")
    assert '-H "X-API-Key: $API_KEY"' in copied(page, "Copy as curl") and key not in page.content()
    page.get_by_role("link", name="Versions and state").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="report of version 1").click()
    assert download.value.path().read_text() == REPORT
    page.get_by_role("link", name="Messages", exact=True).click()
    page.fill("#text", "free\n" * 400)
    page.get_by_role("button", name="Predict each of 400 lines").click()
    page.get_by_role("button", name="Predict 400 messages").click()
    page.get_by_text("200 of 400: the service asks to wait").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled after 200 of 400 messages.").wait_for()
