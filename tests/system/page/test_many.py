"""Many messages at once: lines, and files that are dropped on the page."""

import csv
import io

from tests.system.page.tools import needs_chromium, run_module, said
from tests.system.tools import new_address

pytestmark = needs_chromium


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
