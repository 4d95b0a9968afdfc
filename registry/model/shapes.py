r"""The tokenising scheme `shapes`: words, punctuation marks, and tokens for the shapes that are typical of spam.

The tokens are what this pattern finds from left to right, the first alternative that matches winning:

    url     (?:https?://|www\.)\S+ | \b[a-z0-9-]+\.(?:com|net|org|info|biz|tv|co\.uk)\b\S*
    email   \S+@\S+\.\w+
    digits  \d+
    word    [^\W\d_]+(?:'[^\W\d_]+)?
    mark    [^\w\s] | _

As one regular expression it takes cubic time on a text like `a@a@a@`. This code takes linear time: it finds the last
`@` and all domains of a run of characters without blanks once, before it reads the run from left to right.
"""

import re
from collections.abc import Iterator

LONGEST_DIGITS = 12  # longer numbers count as this long

_RUN = re.compile(r"\S+")
_LINK = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9-]++(?=(\.(?:com|net|org|info|biz|tv|co\.uk)\b)?)", re.IGNORECASE)  # ++ never backtracks
_BOUNDARY = re.compile(r"\b")
_DOT = re.compile(r"\.(?=\w)")
_WORD_CHARACTERS = re.compile(r"\w+")
_PIECE = re.compile(r"(?P<digits>\d+)|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)|(?P<mark>[^\w\s]|_)")


def shapes(text: str) -> list[str]:
    """The tokens of a text.

    Words are in lower case, and `<caps>` precedes a word that was written in capitals. A number becomes its length
    (`<d11>` has 11 digits), a link `<url>`, an e-mail address `<email>`.
    """
    return [token for run in _RUN.findall(text) for token in _tokens(run)]


def _tokens(run: str) -> Iterator[str]:
    """The tokens of a run of characters without blanks."""
    last_at, address_end = _address(run) if "@" in run else (-1, 0)
    domains = _domains(run) if "." in run else iter(())
    first, last = next(domains, (len(run), len(run)))
    position = 0
    while position < len(run):
        while last <= position < len(run) and first < len(run):
            first, last = next(domains, (len(run), len(run)))
        if _LINK.match(run, position) or (first <= position < last and _BOUNDARY.match(run, position)):
            yield "<url>"
            return  # a link goes on to the next blank
        if position < last_at:
            yield "<email>"
            position = address_end
            continue
        piece = _PIECE.match(run, position)
        yield from piece_tokens(piece)
        position = piece.end()


def _address(run: str) -> tuple[int, int]:
    """The position of the last `@` that an e-mail address of the run can have, and the address's end; or (-1, 0).

    An address that begins anywhere before that `@` has the same end.
    """
    dot = max((match.start() for match in _DOT.finditer(run)), default=0)
    at = run.rfind("@", 0, max(dot - 1, 0))
    return (at, _WORD_CHARACTERS.match(run, dot + 1).end()) if at > 0 else (-1, 0)


def _domains(run: str) -> Iterator[tuple[int, int]]:
    """The spans of the labels that a known top-level domain follows: a link may begin anywhere in one."""
    return (match.span() for match in _LABEL.finditer(run) if match.group(1))


def piece_tokens(piece: re.Match) -> list[str]:
    """The tokens of a match of a pattern with the groups `digits`, `word` and `mark`."""
    text = piece.group()
    match piece.lastgroup:
        case "digits":
            return [f"<d{min(len(text), LONGEST_DIGITS)}>"]
        case "word" if len(text) > 1 and text.isupper():
            return ["<caps>", text.lower()]
        case "word":
            return [text.lower()]
        case _:
            return [text]
