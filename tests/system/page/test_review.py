"""The review page: labelled by keyboard and by mouse, and nothing of the model's answer before the label."""

import json
import urllib.request
from uuid import uuid4

import pytest

from tests.browser import PHONE
from tests.server import Server
from tests.system.page.tools import needs_chromium, said
from tests.system.tools import wait_until

pytestmark = needs_chromium

HOSTILE = "<img src=x onerror=alert(1)> free"  # the toy: spam


@pytest.fixture(scope="module")
def server(tmp_path_factory, uri):
    """A service of its own: every answered text is asked about."""
    with Server(
        tmp_path_factory.mktemp("review"), MLFLOW_TRACKING_URI=uri, REVIEW_SHARE="1", TRUSTED_PROXIES="127.0.0.1"
    ) as server:
        yield server


def review(server):
    request = urllib.request.Request(f"{server.url}/review", headers={"Accept": "application/json"})
    return json.load(urllib.request.urlopen(request))


def asked(server, *texts):
    """Have the texts answered, each a little different from all others, and wait until they are in the queue."""
    texts = [f"{text} {uuid4().hex[:6]}" for text in texts]
    before = sum(sum(counts.values()) for counts in review(server)["counts"].values())
    for text in texts:
        body = json.dumps({"text": text}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/prediction", body, headers)).close()
    wait_until(lambda: sum(sum(c.values()) for c in review(server)["counts"].values()) == before + len(texts), 30)
    return texts


@pytest.fixture
def open_review(visit, server):
    """Opens the page with these texts on top of the queue, the last one first."""

    def open_page(*texts, **options):
        texts = asked(server, *texts)
        page = visit("/review", url=server.url, **({"extra_http_headers": {}} | options))
        page.locator("#text", has_text=texts[-1]).wait_for()
        return page, texts

    return open_page


def test_a_message_is_labelled_explained_undone_and_skipped_by_keyboard(open_review, server):
    page, (second, first) = open_review("lunch", HOSTILE)
    assert page.locator("#text").inner_text() == first and page.locator("#text img").count() == 0
    assert "drawn by chance" in said(page, "#about") and said(page, "#waiting") == "Waiting: 2 drawn by chance."
    assert "version 1" not in page.locator("main").inner_text() and page.locator("#why").is_disabled()
    page.keyboard.press("h")
    page.locator("#text", has_text=second).wait_for()
    assert said(page, "#waiting") == "Waiting: 1 drawn by chance."
    assert "You said ham; version 1 had said spam (88.1 %)." in said(page, "#last") and "differs" in said(page, "#last")
    page.keyboard.press("w")
    page.locator("#last .why").wait_for()
    assert said(page, "#last .why mark") == "free (spam)" and page.locator("#last img").count() == 0
    page.keyboard.press("u")
    page.locator("#text", has_text=first[-6:]).wait_for()
    assert "Taken back" in said(page, "#last") and review(server)["questions"][0]["text"] == first
    page.keyboard.press("s")
    page.locator("#text", has_text=second).wait_for()
    assert "You said spam" in said(page, "#last") and "differs" not in said(page, "#last")
    page.keyboard.press("k")
    page.locator("#last", has_text="You skipped it").wait_for()
    counts = review(server)["counts"]
    assert counts["labelled"]["random"] == 1 and counts["skipped"]["random"] == 1


def test_keys_can_be_switched_off_and_do_nothing_in_a_field(open_review):
    page, (text,) = open_review("home")
    page.uncheck("#keys")
    page.keyboard.press("h")
    page.check("#keys")
    page.focus("#reason")
    page.keyboard.press("Control+u")
    page.select_option("#reason", "shadow")
    page.locator("#text", has_text="Nothing waits.").wait_for()
    assert all(button.is_disabled() for button in page.locator("#choices button").all())
    page.select_option("#reason", "")
    page.locator("#text", has_text=text).wait_for()
    assert page.locator("#last").inner_text() == ""


def test_of_two_reviewers_the_second_is_told_and_goes_on(open_review, server):
    page, (second, _) = open_review("later", "win")
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "127.0.0.2"}
    path, skip = f"{server.url}/review/{review(server)['questions'][0]['id']}", b'{"action": "skip"}'
    urllib.request.urlopen(urllib.request.Request(path, skip, headers)).close()
    page.keyboard.press("s")
    page.locator("#text", has_text=second).wait_for()
    assert said(page, "#last") == "Passed over: another reviewer has skipped it meanwhile."
    page.keyboard.press("h")
    page.locator("#last", has_text="You said ham").wait_for()


def test_it_is_whole_on_a_phone_and_every_button_is_in_reach(open_review):
    page, (text,) = open_review("lunch" * 60, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for button in page.locator("#choices button, #skip, #undo, #why, #again").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] and box["height"] >= 24
    page.get_by_role("button", name="ham h").click()
    page.locator("#last", has_text="You said ham").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator("#text", has_text=text).wait_for()


def test_who_may_not_review_is_told_so_and_sees_nothing(visit, server):
    asked(server, "free")
    page = visit("/review", url=server.url, extra_http_headers={"X-Forwarded-For": "10.0.0.7"})
    page.locator("#error", has_text="this needs the right `review`").wait_for()
    assert page.locator("#shown").is_hidden() and page.locator("#text").inner_text() == ""
