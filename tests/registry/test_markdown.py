"""Tables on narrow terminals."""

import pytest

from registry.markdown import print_markdown

WIDE = "| name | first | second |\n| - | - | - |\n| spam | 3161 messages | 437 messages |\n| ham | | 1 message |\n"
LONG = f"| what | digest |\n| - | - |\n| model | {'0123456789' * 7} |\n"


@pytest.mark.parametrize("columns", ["24", "60"])
@pytest.mark.parametrize("text", [WIDE, LONG])
def test_a_table_fits_and_nothing_is_left_out(capsys, monkeypatch, columns, text):
    monkeypatch.setenv("COLUMNS", columns)
    print_markdown(text)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= int(columns)
    words = [word for word in text.replace("|", " ").split() if word != "-"]
    assert all(word in "".join(printed.split()) for word in words if len(word) < 20) and "…" not in printed
    assert printed.count("0123456789") == 0 or "9012" in "".join(printed.split())


def test_a_table_too_wide_is_written_row_by_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    print_markdown(WIDE)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert ["first", "3161", "messages"] in rows and ["second", "1", "message"] in rows and ["first"] not in rows
