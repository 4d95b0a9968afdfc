"""The tokenising scheme `spans`: words, punctuation marks, and one token for each span of text that has a meaning.

What a company's message consists of varies in every digit: amounts, dates, account numbers, references, links. The
scheme names what such a span is, so that a sum in rupees and one in pounds are read alike.

| token | examples |
| --- | --- |
| `<money>` | `£3.50`, `Rs.2,350/-`, `AED 54.25`, `20 USD` |
| `<number>`, `<percent>` | `2,350`, `18.5`, `50%` |
| `<d6>` | a number of 6 digits: a code, a short number to call |
| `<date>`, `<time>` | `14/03/2019`, `22-Nov-23`, `20th`; `19:40`, `7pm` |
| `<masked>` | `XX1234`, `***812`, `4402xxxx19`: part of an account or card number |
| `<phone>` | `+44 ...`, `0800-123-456` |
| `<reference>` | `EE881023AE`: letters and digits in one word |
| `<email>` | an address, followed by the tokens of its domain |
| `<link>` | a link, followed by the tokens of `registry.model.links` |
| `<bare>`, `<path>` | follow a link without `https://`, and one that goes on behind the domain |
| `<caps>` | precedes a word that is written in capitals |

A text is cut at blanks, and each run of characters between them is read by itself. A run of more than LONGEST_SPAN
characters is read as a link only where it begins as one, and else as words and marks, so the time is proportional to
the text's length.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from registry.model.links import COMMON_SUFFIXES, link_tokens
from registry.model.shapes import LONGEST_DIGITS, piece_tokens

LONGEST_SPAN = 256  # characters
LONGEST_HOST = 10  # labels
MOST_WORDS = 200  # of a text, that each link's name is compared with
REMEMBERED = 8_192  # ordinary words, of .3 KB each

Words = Callable[[], Collection[str]]  # gives the words of the text

_OPENING = "([{<\"'“‘«,.;:!?-–—_=|~`"  # noqa: RUF001
_CLOSING = ")]}>\"'”’»,.;:!?-–—_=|~`"  # noqa: RUF001
_SIGNS = "£$€₹₦₱¥₵₺₫฿¢"
_CURRENCIES = """
aed aud bdt bhd brl bwp cad chf cny czk dkk egp etb eur gbp ghs hkd huf idr ils inr jod jpy kd kes krw ksh kshs kwd lkr
mad mur mxn mvr myr mzn nad ngn nok npr nzd omr php pkr pln qar rm ron rs rub rwf sar sek sgd sr thb tk tl try tsh twd
tzs ugx us usd ush vnd xaf xof zar zmw zwl
"""
_CODES = frozenset(_CURRENCIES.split())
_LETTER_CODES = frozenset("rnpk")  # South Africa's, Nigeria's, the Philippines', Zambia's, right before the number
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_AMOUNT = re.compile(
    rf"(?P<before>[^\W\d_]{{0,4}}\.?[{_SIGNS}]?)[-:]?(?P<number>\d{{1,15}}(?:[.,']\d{{1,15}}){{0,6}})(?:/[-=]?)?"
    rf"(?P<after>[^\W\d_]{{0,4}}|[%{_SIGNS}])"
)
_DATE = re.compile(
    rf"\d{{1,4}}([-/.])(?:\d{{1,2}}|{_MONTH})\1\d{{2,4}}|\d{{1,2}}-?{_MONTH}[-']?(?:\d{{2,4}})?|\d{{1,2}}(?:st|nd|rd|th)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d{1,2}(?::\d{2}){1,2}(?:[ap]\.?m\.?|hrs?|h)?(?:-\d{1,2}:\d{2})?|\d{1,2}(?:[.:]\d{2})?[ap]\.?m\.?", re.IGNORECASE
)
_PHONE = re.compile(r"\+\d{1,3}[-\d()*]{5,20}|\(?0\d{1,4}\)?[-\d]{5,14}|1-?8\d\d-[-\d]{7,9}")
_MASKED = re.compile(r"[A-Za-z/.]{0,12}#?\d{0,8}(?:[x*•]{2,}|\.{2,}|[x*](?=\d{2,}$))[-\dx*]{0,20}", re.IGNORECASE)
_REFERENCE = re.compile(r"(?=[A-Za-z-]*\d)(?=[\d-]*[A-Za-z])[A-Za-z0-9-]{5,40}")
_EMAIL = re.compile(r"[\w.+-]{1,64}@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_SCHEME = re.compile(r"(?:https?|hxxps?)://|www\.", re.IGNORECASE)
_LINK = re.compile(
    rf"(?P<scheme>(?:https?|hxxps?)://)?(?P<host>(?:[a-z0-9-]{{1,63}}\.){{1,{LONGEST_HOST}}}[a-z0-9]{{1,18}})(?::\d{{1,5}})?"
    r"(?P<path>[/?#]\S*+)?",
    re.IGNORECASE,
)
_PIECE = re.compile(r"(?P<digits>\d+)|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)|(?P<mark>[^\w\s]|_)")  # noqa: RUF001
_WORD = re.compile(r"[a-z]{3,}")
_ORDINARY = re.compile(r"[A-Za-z]{1,20}(?:'[a-z]{1,3})?[.,!?]{0,3}")  # no number, code or address is remembered
_remembered: dict[str, tuple[str, ...]] = {}  # the tokens of ordinary words
_NOT_A_WORD = "./@"  # a run with one of these is no word that could name a link


def spans(text: str, suffixes: Collection[str] = ()) -> list[str]:
    """The tokens of a text; `suffixes` are the public suffixes of more than one label, as `co.uk`."""
    runs = text.split()
    words = cache(lambda: _words(runs))  # few texts have a link that asks for them
    tokens: list[str] = []
    for run in runs:
        tokens += _remembered.get(run) or _tokens_of(run, words, suffixes)
    return tokens if _CODES.isdisjoint(tokens) else list(_join_money(tokens))


def _words(runs: list[str]) -> frozenset[str]:
    """The words of a text that a link's name is compared with."""
    plain = " ".join(run for run in runs if not any(mark in run for mark in _NOT_A_WORD))
    return frozenset(_WORD.findall(plain.lower())[:MOST_WORDS])


def _tokens_of(run: str, words: Words, suffixes: Collection[str]) -> Iterable[str]:
    """The tokens of a run, which are remembered if it is an ordinary word: most runs are, and were in another text."""
    if not _ORDINARY.fullmatch(run):
        return _run_tokens(run, words, suffixes)
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[run] = tokens = tuple(_run_tokens(run, words, suffixes))
    return tokens


def _run_tokens(run: str, words: Words, suffixes: Collection[str]) -> Iterator[str]:
    """The tokens of a run of characters without blanks: a span between punctuation marks, or else words and marks."""
    core = run.lstrip(_OPENING)
    yield from run[: len(run) - len(core)]
    core, after = core.rstrip(_CLOSING), core
    if core.endswith("/") and after[len(core) :] in ("-", "="):  # of an amount: Rs.500/-
        core = after
    if core.lower() in _CODES:
        yield core.lower()
    else:
        yield from _span_tokens(core, words, suffixes) or _pieces(core)
    yield from after[len(core) :]


def _pieces(core: str) -> Iterator[str]:
    for piece in _PIECE.finditer(core):
        yield from piece_tokens(piece)


def _span_tokens(core: str, words: Words, suffixes: Collection[str]) -> list[str] | None:
    """The tokens of a span; None where the run is none."""
    if len(core) > LONGEST_SPAN:
        return ["<link>"] if _SCHEME.match(core) else None
    if "@" in core and (email := _EMAIL.fullmatch(core)):
        return ["<email>", *link_tokens(email[1].lower(), words(), suffixes)]
    if "." in core and (tokens := _link(core, words, suffixes)):
        return tokens
    if not any(map(str.isdigit, core)):
        return ["<masked>"] if len(core) > 3 and _MASKED.fullmatch(core) else None
    return _number_tokens(core)


def _number_tokens(core: str) -> list[str] | None:
    """The token of a run that has a digit; None where it is none of the known spans."""
    if core.isdecimal():
        return [f"<d{min(len(core), LONGEST_DIGITS)}>"]
    for pattern, token in ((_DATE, "<date>"), (_TIME, "<time>"), (_PHONE, "<phone>")):
        if pattern.fullmatch(core):
            return [token]
    if (amount := _AMOUNT.fullmatch(core)) and (token := _amount_token(amount)):
        return [token]
    for pattern, token in ((_MASKED, "<masked>"), (_REFERENCE, "<reference>")):
        if pattern.fullmatch(core):
            return [token]
    return None


def _amount_token(amount: re.Match) -> str | None:
    before, after = amount["before"].lower().rstrip("."), amount["after"].lower()
    signed = before[-1:] in _SIGNS if before else after in _SIGNS and after != ""
    if signed or before in _CODES | _LETTER_CODES or after in _CODES:
        return "<money>"
    if before:
        return None
    return {"": "<number>", "%": "<percent>"}.get(after)


def _link(core: str, words: Words, suffixes: Collection[str]) -> list[str] | None:
    """The tokens of a link; None for other words with a dot between them, as `ok.so`."""
    link = _LINK.match(core)
    if link is None or link.end() < len(core):
        return ["<link>"] if _SCHEME.match(core) else None
    host = link["host"].lower()
    last = host.rpartition(".")[2]
    sure = link["scheme"] or host.startswith("www.")
    known = last in COMMON_SUFFIXES or host.partition(".")[2] in suffixes
    if not (sure or known or (link["path"] and last.isalpha())):
        return None
    tokens = ["<link>", *link_tokens(host, words(), suffixes)]
    return tokens + ["<bare>"] * (not sure) + ["<path>"] * bool(link["path"])


def _is_number(token: str) -> bool:
    return token == "<number>" or (token.startswith("<d") and token[2:-1].isdecimal())


def _join_money(tokens: list[str]) -> Iterator[str]:
    """A currency and the number beside it as one token: `AED 54.25`, `Rs. 500`, `20 USD`."""
    near = {at for at, token in enumerate(tokens) if token in _CODES}
    near |= {at - 1 for at in near}  # an amount begins with its currency or right before it
    position = 0
    while position < len(tokens):
        size = _money_at(tokens[position : position + 3]) if position in near else 0
        yield "<money>" if size else tokens[position]
        position += size or 1


def _money_at(tokens: list[str]) -> int:
    """How many of these tokens are an amount of money: a code, perhaps a dot, and a number, or a number and a code."""
    first, second, third = [*tokens, "", ""][:3]
    if first in _CODES and _is_number(second):
        return 2
    if first in _CODES and second == "." and _is_number(third):
        return 3
    return 2 if _is_number(first) and second in _CODES and len(second) > 2 else 0
