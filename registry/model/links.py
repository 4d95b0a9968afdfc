"""What the address of a link says: its kind, its top-level domain, and how its name relates to the words around it.

A link that pretends to be somebody's has the right words in the wrong place: `royalmail-redeliver.top` beside "Royal
Mail", where the true sender has `royalmail.com`. No list of brands is needed to see that.

| token | the address |
| --- | --- |
| `<shortener>` | belongs to a service that shortens links; no other token follows |
| `<ip>` | is a number instead of a name; no other token follows |
| `<.co.uk>` | has this public suffix |
| `<rare suffix>` | has a suffix that is neither a country's nor one of the oldest |
| `<subdomain>` | has labels before its registered domain, other than `www` |
| `<compound>` | has hyphens or digits in its registered name |
| `<named>` | has a registered name that consists of words of the text |
| `<partly named>`, `<not named>` | has one that consists of such words and others, or of others alone |
| `@royalmail`, `@redeliver` | each part of its registered name |
"""

import re
from collections.abc import Collection

_SHORTENERS = """
adf.ly bit.do bit.ly bl.ink clck.ru cutt.ly goo.gl is.gd j.mp lnkd.in ow.ly qrco.de rb.gy rebrand.ly s.id
shorturl.at soo.gd t.co t.ly tiny.cc tinyurl.com tny.im u.to v.gd
"""
SHORTENERS = frozenset(_SHORTENERS.split())
COMMON_SUFFIXES = frozenset({"com", "net", "org", "info", "biz", "edu", "gov", "int", "mil"})
COVERED = 0.8  # of a name's letters that the text's words must make up for it to be `<named>`
MOST_PARTS = 4  # of a registered name

_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_NOT_LETTERS = re.compile(r"[-\d]+")


def link_tokens(host: str, words: Collection[str], suffixes: Collection[str]) -> list[str]:
    """The tokens of a host in lower case; `words` are the text's own, `suffixes` the public suffixes with a dot."""
    if _ADDRESS.fullmatch(host):
        return ["<ip>"]
    labels = (host.removeprefix("www.") if host.count(".") > 1 else host).split(".")
    size = suffix_labels(labels, suffixes)
    before, name, suffix = labels[: -size - 1], labels[-size - 1], ".".join(labels[-size:])
    if f"{name}.{suffix}" in SHORTENERS:
        return ["<shortener>"]
    tokens = [f"<.{suffix}>"]
    if len(labels[-1]) > 2 and suffix not in COMMON_SUFFIXES:
        tokens.append("<rare suffix>")
    if before:
        tokens.append("<subdomain>")
    return tokens + _name_tokens(name, words)


def suffix_labels(labels: list[str], suffixes: Collection[str]) -> int:
    """How many of a host's last labels are its public suffix; one at least, and one label stays before it."""
    longest = min(len(labels) - 1, 3)
    return next((size for size in range(longest, 1, -1) if ".".join(labels[-size:]) in suffixes), 1)


def _name_tokens(name: str, words: Collection[str]) -> list[str]:
    parts = [part for part in _NOT_LETTERS.split(name) if part]
    letters = "".join(parts)
    covered = sum(len(word) for word in words if word in letters)
    kind = "<not named>"
    if covered:
        kind = "<named>" if len(parts) == 1 and covered >= COVERED * len(letters) else "<partly named>"
    compound = ["<compound>"] if parts != [name] else []
    return [*compound, kind, *(f"@{part}" for part in parts[:MOST_PARTS])]
