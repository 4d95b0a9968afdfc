"""The pages at `/` and `/versions` in a real browser: every feature, as a person meets it."""

import ast
import csv
import io
import json
import shlex
import subprocess
import sys
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from registry.route import Routing, set_routing
from registry.versions import Registry
from tests.browser import CHROMIUM, DESKTOP, PATIENCE, PHONE, open_browser
from tests.server import Server
from tests.system.tools import metric, new_address, wait_until
from tests.toy import write_toy
from tests.toyregistry import MODEL_NAME, add_version, empty_registry

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the pages are tested in Chromium, which is not installed")

METRICS = {  # of the champion, version 1, and of the challenger, version 2
    "1": {"mcc": 0.94, "spam_caught": 0.919, "ham_blocked": 0.0011, "source.sms.caught": 0.919}
    | {"source.sms.blocked": 0.0011, "source.outside.caught": 0.9, "source.outside.without_twins.caught": 0.759},
    "2": {"mcc": 0.95, "spam_caught": 0.95, "ham_blocked": 0.0},
}
REPORT = "<h1>Report</h1><style>h1 { color: rgb(1, 2, 3) }</style><script>document.title = 'run'</script>"
UNESCAPED = "!'()*~"  # by the browser's encodeURIComponent
CLIPBOARD = ["clipboard-read", "clipboard-write"]
LIMIT = 2_000  # texts an hour; each test calls from an address of its own


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    uri = empty_registry(folder)
    write_toy(folder / "first", -1.0)
    (folder / "first" / "report.html").write_text(REPORT)
    add_version(folder, uri, alias="champion", artifact=folder / "first")
    add_version(folder, uri, -4.0, "challenger", stand_in="a part of the corpus")
    broken = add_version(folder, uri, -2.0, "candidate")
    models = Registry(MODEL_NAME, uri)
    (models.folder(models.resolve(broken)) / "model.onnx").write_bytes(b"damaged")
    set_routing(models, Routing(shadow="challenger"))
    for number, metrics in METRICS.items():
        models.tag(models.resolve(number), "metrics", json.dumps(metrics))
    return uri


@pytest.fixture(scope="module")
def server(tmp_path_factory, uri):
    settings = {"MLFLOW_TRACKING_URI": uri, "RATE_LIMIT": f"{LIMIT}/hour", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(tmp_path_factory.mktemp("service"), ACCESS_LOG="1", **settings) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def complaints():
    """What the browser complains of, and addresses elsewhere that are asked; a test clears what it expects."""
    return []


@pytest.fixture
def visit(browser, server, complaints):
    """Opens a path in a window of its own, as a caller of its own. Nothing may be loaded from elsewhere or refused."""
    contexts = []

    def open_page(path="/", url=server.url, **options):
        headers = {"X-Forwarded-For": new_address()}
        options = {"viewport": DESKTOP, "extra_http_headers": headers, "accept_downloads": True} | options
        context = browser.new_context(base_url=url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith((url, "blob:")) or complaints.append(sent.url))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in complaints if "Failed to load resource" not in line] == []


@pytest.fixture
def page(visit):
    page = visit()
    page.locator("#examples button").first.wait_for()
    return page


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


def downloaded(page) -> list[list[str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all as CSV").click()
    return list(csv.reader(io.StringIO(download.value.path().read_text())))


def test_lines_are_predicted_one_by_one(page):
    page.fill("#text", 'free win\n\n  \nlunch, "home"\r\nfree')
    page.get_by_role("button", name="Predict each of 3 lines").click()
    page.get_by_role("button", name="Predict 3 messages").click()
    page.locator("#outcome").wait_for()
    assert said(page, "#state").startswith("3 messages in") and said(page, "#counts") == "spam 2 ham 1"
    head, *rows = downloaded(page)
    assert head[:3] == ["text", "predicted_label", "predicted_verdict"]
    assert [row[:2] for row in rows] == [["free win", "spam"], ['lunch, "home"', "ham"], ["free", "spam"]]


def drop(page, name, content):
    page.evaluate(
        """([name, content]) => {
            const data = new DataTransfer();
            data.items.add(new File([content], name));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [name, content],
    )


def test_a_dropped_table_goes_in_lists_that_wait_as_the_service_asks(page):
    page.clock.install()
    rows = "".join(f'{n},"free, ""win"" {n}"\r\n' for n in range(2_499))
    drop(page, "calls.csv", f"number,Message\r\n{rows}9999,\r\n")
    assert page.locator("#column").evaluate("(column) => column.selectedOptions[0].textContent") == "Message"
    page.get_by_role("button", name="Predict 2,500 messages").click()
    page.get_by_text("1,000 of 2,499: the service asks to wait").wait_for()
    drop(page, "other.csv", "text\nlunch")
    page.get_by_text("Messages are being predicted: cancel that first.").wait_for()
    assert page.locator("#bar").evaluate("(bar) => [bar.value, bar.max]") == [1000, 2499]
    page.context.set_extra_http_headers({"X-Forwarded-For": new_address()})  # whose hour is as yet unused
    page.clock.fast_forward(3_700_000)
    page.locator("#outcome").wait_for()
    assert said(page, "#counts") == "spam 2,499 1 not predicted"
    drop(page, "other.csv", "text\nbroken,")  # refused: what was predicted stays
    page.get_by_text("line 2: 2 fields").wait_for()
    page.uncheck("#header")
    head, *told = downloaded(page)
    assert len(told) == 2_500 and told[7][:3] == ["7", 'free, "win" 7', "spam"] and told[-1][-1] == "blank"
    assert head == ["number", "Message", "predicted_label", "predicted_verdict", *head[4:]]


def test_what_was_predicted_before_a_cancel_is_kept(page):
    drop(page, "calls.txt", "free\n" * 1_999 + "lunch\n")
    page.get_by_role("button", name="Predict 2,000 messages").click()
    page.get_by_text("the service asks to wait").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled after 1,000 of 2,000 messages.").wait_for()
    _, *rows = downloaded(page)
    assert [row[-1] for row in (rows[0], rows[999], rows[1000])] == ["", "", "not predicted"]


TABLES = {
    'a,b\r\n"1,\r\n""x""",2\r\n': [["a", "b"], ['1,\r\n"x"', "2"]],
    "\ufeffa;b,c;d\n1;2;3": [["a", "b,c", "d"], ["1", "2", "3"]],
    'a\tb\n\n"c"\t\n': [["a", "b"], ["c", ""]],
    "a,b\n1,": [["a", "b"], ["1", ""]],
    "one": [["one"]],
    "": [],
    'a\n1\n"open\n2': "line 3: the quote that opens here is never closed",
    'a\n"b"c\n': 'line 2: a quote inside a field is written as ""',
    "a\nhello, you\n": "line 2: 2 fields, the first line has 1: quote fields with separators in them",
}


def test_tables_are_read_by_rfc_4180_and_errors_name_the_line(page):
    attempt = "it.map((text) => { try { return m.read(text) } catch (error) { return error.message } })"
    assert run_module(page, "csv", attempt, list(TABLES)) == list(TABLES.values())
    records = [["a", 'b"c', "d,e", "f\ng", "=1"], ["", " ", "é", ";", "\r"]]
    assert run_module(page, "csv", "m.read(m.write(it))", records) == records


def test_a_file_that_is_no_table_is_refused_in_words(page):
    drop(page, "broken.csv", 'text\n"never closed')
    page.get_by_text("line 2: the quote that opens here is never closed").wait_for()
    page.set_input_files("#file", {"name": "old.csv", "mimeType": "text/csv", "buffer": "text\ngrün".encode("latin-1")})
    page.get_by_text("old.csv is not UTF-8").wait_for()
    assert page.locator("#run").is_hidden()


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


def copied(page, button):
    page.get_by_role("button", name=button).click()
    page.locator("#copied", has_text="Copied.").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


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
    """A service that asks for a key and allows 300 texts an hour; and the key."""
    from bentos.callers.keys import new_key

    folder = tmp_path_factory.mktemp("closed")
    key, line = new_key("web")
    (folder / "keys").write_text(f"{line}\n")
    settings = {"MLFLOW_TRACKING_URI": uri, "API_KEYS_FILE": str(folder / "keys"), "RATE_LIMIT": "300/hour"}
    with Server(folder, **settings) as server:
        yield server, key


def test_a_service_with_keys_asks_for_one_and_the_tab_keeps_it(visit, closed):
    server, key = closed
    page = visit("/#text=free", url=server.url, permissions=CLIPBOARD)
    page.get_by_label("This service asks for an API key").fill(key)
    page.get_by_role("button", name="Use it").click()
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
