"""One text: its answer, comparison, link, copies, log and correction."""

import ast
import json
import shlex
import subprocess
import sys
from urllib.parse import quote

import pytest

from tests.browser import PHONE
from tests.system.page.tools import CLIPBOARD, ask, copied, needs_chromium, run_module, said
from tests.system.tools import metric, wait_until

pytestmark = needs_chromium

UNESCAPED = "!'()*~"  # by the browser's encodeURIComponent


def test_it_says_what_it_does_and_what_the_champion_is_good_at(page):
    assert page.title() == "sms-spam"
    assert "spam (unwanted, or a fraud) or ham (a message that you want)" in said(page, "#purpose")
    told = said(page, "#champion")
    assert (
        "The champion is version 1 (toy)" in told and "catches 91.9 % of the spam and blocks 0.1 % of the rest" in told
    )
    assert "unlike all that it learnt, it catches 75.9 %" in told and "English text messages only" in told
    assert "stand-in" not in told and "sqlite" in said(page, "#you")
    assert "version 3 cannot be served" in said(page, "#problems")
    row = {"model_version": "1", "default": True, "labels": ["a", "b"]}
    tell = "m.champion([it]).map((made) => made.textContent).join(' ')"
    assert "trained on a stand-in for the corpus (a part)" in run_module(
        page, "about", tell, row | {"stand_in": "a part"}
    )
    assert "labels mean nothing" in run_module(page, "about", tell, row | {"mock": True})
    assert "English" not in run_module(page, "about", tell, row)


def test_an_example_is_answered_by_a_click_with_the_time_that_it_took(page):
    for origin in ("Answered in", "Answered from the cache in"):
        page.get_by_role("button", name="a prize").click()
        page.locator("article").get_by_text(origin, exact=False).wait_for()
        assert " ms." in said(page, "article")
    assert page.locator("#text").input_value().startswith("WINNER!!")
    assert said(page, ".verdict").startswith("spam ") and "Version 1 (toy, champion)" in said(page, "article")


def test_versions_are_compared_side_by_side(page):
    ask(page, "free lunch", "Compare versions")
    assert said(page, "#answers h2").startswith("Both versions say ham.")
    page.check("#explain")
    ask(page, "free", "Compare versions")
    assert said(page, "#answers h2").startswith("They disagree: version 2 says ham; version 1 says spam.")
    second, first = page.locator("article").all()
    assert "Version 2 (toy, challenger)" in second.inner_text() and "champion" in first.inner_text()
    assert "The champion, version 1, says spam." in second.inner_text() and "differs" not in first.inner_text()
    assert "caught\u00a0" not in first.inner_text() and "caught 91.9" in first.inner_text()
    assert all(card.locator(".why mark").count() == 1 for card in (first, second))
    boxes = [card.bounding_box() for card in (second, first)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]


@pytest.mark.parametrize(("text", "answer"), [("lunch home free", "ham"), ("home free win", "spam")])
def test_a_word_has_the_colour_of_the_label_that_it_speaks_for(page, text, answer):
    page.check("#explain")
    ask(page, text)
    assert said(page, ".verdict").startswith(answer)
    tone = {
        label: page.locator(f".legend mark:has-text('{label}')").get_attribute("class") for label in ("ham", "spam")
    }
    assert tone["ham"] != tone["spam"]
    styles = "(mark) => [getComputedStyle(mark).backgroundColor, getComputedStyle(mark).textDecorationStyle]"
    shown = {label: page.locator(f".legend mark:has-text('{label}')").evaluate(styles) for label in tone}
    for word, label in {"home": "ham", "free": "spam"}.items():
        mark = page.locator(f".why mark:has-text('{word}')")
        assert mark.evaluate(styles) == shown[label] and f"({label})" in mark.text_content()
    assert shown["ham"][1] != shown["spam"][1], "not by the colour alone"


def test_numbers_are_told_as_sure_as_they_are(page):
    values = [1, 0.9995, 0.9989, 0.5, 0.0009, 0]
    told = run_module(page, "format", "it.map(m.probability).map((text) => text.replaceAll('\\u00a0', ' '))", values)
    assert told == ["> 99.9 %", "> 99.9 %", "99.9 %", "50.0 %", "< 0.1 %", "< 0.1 %"]
    ask(page, "free win prize cash win free prize")
    assert said(page, ".verdict") == "spam > 99.9 %"


def test_a_blank_text_and_a_failed_call_leave_no_older_answer(page):
    for text in (" \n ", "x" * 10_001):
        ask(page, "free")
        page.fill("#text", text)
        page.get_by_role("button", name="Predict", exact=True).click()
        page.locator("#error:not([hidden])").wait_for()
        assert page.locator("article").count() == 0 and page.locator("#take").is_hidden()
    ask(page, "free")
    assert page.locator("#error").is_hidden()


def test_a_link_opens_with_the_text_and_its_answer_and_puts_it_behind_the_hash(visit, server):
    text = "free & 100% win? äöü"
    for path in (f"/?text={quote(text)}", f"/#text={quote(text)}"):
        page = visit(path)
        page.locator("article").wait_for()
        assert page.locator("#text").input_value() == text
        assert page.url == f"{server.url}/#text={quote(text)}"
    ask(page, "lunch")
    assert page.url == f"{server.url}/"
    log = server.log.read_text()
    assert "GET / 200" in log and quote(text) not in log and text not in log


def test_a_call_can_be_taken_along_as_link_curl_and_python(visit, server):
    page = visit(permissions=CLIPBOARD)
    text = 'it\'s "free" \\ $HOME `win` 🎉\nTrue false'
    page.check("#explain")
    ask(page, text)
    assert copied(page, "Copy link") == f"{server.url}/#text={quote(text, safe=UNESCAPED)}"
    commands = (["bash", "-c", copied(page, "Copy as curl")], [sys.executable, "-c", copied(page, "Copy as Python")])
    assert shlex.split(commands[0][2])[1] == f"{server.url}/prediction"
    for command in commands:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        answer = json.loads(answer) if answer.startswith('{"') else ast.literal_eval(answer)
        assert answer["from_cache"] and answer["explanation"], "the same text, then"


def test_where_the_clipboard_is_closed_the_text_is_there_to_copy(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as on plain HTTP
    ask(page, "free")
    page.get_by_role("button", name="Copy as curl").click()
    page.locator("#code").wait_for()
    assert (
        page.locator("#code")
        .evaluate("(code) => code.value.slice(code.selectionStart, code.selectionEnd)")
        .endswith("}'")
    )


def test_the_log_is_whole_on_a_phone(visit):
    page = visit(viewport=PHONE)
    page.locator("#examples button").first.wait_for()
    run_module(page, "api", "await m.call('/predictions', { texts: it })", [f"free{n}" for n in range(22)])
    ask(page, "lunch" * 100)
    page.get_by_text("Your calls of this hour").click()
    page.locator("#log li").first.wait_for()
    assert page.locator("#log li").count() == 20
    assert "lunchlunch" in page.locator("#log li").first.inner_text()
    page.get_by_role("button", name="Show more of 3 older calls").click()
    assert page.locator("#log li").count() == 23 and page.locator("#log li").last.inner_text().startswith("free0")
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes(page, "#log li *"))
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def boxes(page, selector):
    return [box for one in page.locator(selector).all() if (box := one.bounding_box())]


def test_a_correction_can_be_undone_until_it_is_sent(page):
    page.clock.install()
    sent = []
    page.on("request", lambda request: request.url.endswith("/feedback") and sent.append(request.post_data_json))
    ask(page, "free")
    page.locator(".correct").get_by_role("button", name="ham").click()
    assert "It will be noted as ham" in said(page, ".correct")
    page.get_by_role("button", name="Undo").click()
    page.clock.fast_forward(60_000)
    assert sent == [] and said(page, ".correct").startswith("Wrong? It is")
    page.locator(".correct").get_by_role("button", name="ham").click()
    page.clock.fast_forward(7_000)
    page.get_by_text("Thank you: noted as ham.").wait_for()
    assert [correction["label"] for correction in sent] == ["ham"]


def test_who_leaves_before_the_time_is_over_has_corrected(visit, server):
    page = visit(extra_http_headers={})  # the browser library adds none to what is sent while the page is left
    sample = 'spam_feedback_total{agreed="no",label="ham"}'
    before = metric(server, sample)
    ask(page, "free")
    page.locator(".correct").get_by_role("button", name="ham").click()
    page.goto("/versions")
    wait_until(lambda: metric(server, sample) == before + 1, 30)
