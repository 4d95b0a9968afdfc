"""Great Expectations' Data Docs without a network.

Its pages load scripts and styles from elsewhere, and without them the index is empty. The results themselves are plain
HTML: `make_offline` takes out what is loaded, gives the pages a style of their own, and writes another index.
"""

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

FOLDERS = ("expectations", "validations")  # what Great Expectations writes anew, under names with the time in them
_LOADED = re.compile(
    r"<script\b.*?</script>"
    r'|<link\b[^>]*href="https?:[^>]*>'
    r'|<img\b[^>]*src="https?:[^>]*>'
    r"|<footer>.*?</footer>"
    r"|url\('https?:[^)]*\)[^;]*;",
    re.DOTALL,
)
STYLE = """<style>
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; font: 15px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; } th, td { padding: .3em .7em; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid #8884; } .container-fluid { overflow-x: auto; }
.fa-check-circle::before { content: "\\2713 met"; color: #2e9e4f; font-style: normal; }
.fa-times::before { content: "\\2717 not met"; color: #d33; font-style: normal; }
.fa-exclamation-triangle::before { content: "! error"; color: #c80; font-style: normal; }
[data-toggle=buttons], .page-header, .navbar img { display: none; }
</style>
"""
INDEX = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Expectations</title>
{{ style | safe }}</head>
<body>
<h1>Expectations</h1>
<table>
<tr><th>table</th><th>met</th><th></th></tr>
{% for name, page, met, all in tables %}
<tr><td><a href="{{ page }}">{{ name }}</a></td><td>{{ met }} of {{ all }}</td>
<td><i class="{{ "fa-check-circle" if met == all else "fa-times" }}"></i></td></tr>
{% endfor %}
</table>
</body>
</html>
"""


def remove_earlier(docs: Path) -> None:
    """Remove the pages of earlier runs, which would stay beside the new ones."""
    for name in FOLDERS:
        shutil.rmtree(docs / name, ignore_errors=True)


def make_offline(docs: Path, outcomes: list[dict[str, Any]]) -> None:
    """Change the pages in `docs`, one for each table of the outcomes, so that they load nothing."""
    for page in docs.rglob("*.html"):
        text = _LOADED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")
    tables = []
    for name in dict.fromkeys(outcome["table"] for outcome in outcomes):
        (page,) = (docs / "validations" / name).rglob("*.html")
        success = [outcome["success"] for outcome in outcomes if outcome["table"] == name]
        tables.append((name, quote(page.relative_to(docs).as_posix()), sum(success), len(success)))
    template = jinja2.Environment(autoescape=True).from_string(INDEX)
    (docs / "index.html").write_text(template.render(style=STYLE, tables=tables), encoding="utf-8")
