"""Turn the many ways to write the same message into one, so that disguised words are read as the plain words.

Applied to every message before it is split into tokens, in training and in serving.
"""

import html
import re
import unicodedata

MARKS = 30

_LETTER = r"[^\W\d_]"
_SPACED = re.compile(rf"(?<!\w){_LETTER}(?:([ .\-_*]){_LETTER})(?:\1{_LETTER}){{2,}}(?!\w)")  # four letters or more
_FOREIGN_WORD = re.compile(r"(?<!\w)[A-Za-z0-9_]*+\w+")  # a word with a character that is not ASCII
# A word with digits or signs that stand for letters: pr1ze, cl@1m, fr33. Not 2, 4 and 8: people write "gr8".
_LEET = re.compile(
    r"(?<!\S)[a-z](?:[a-z]|(?<=[a-z])(?:([01357@$])\1?|[@$][0135]|[0135][@$])(?=[a-z]))*(?:33)?(?=[.,!?]*(?!\S))",
    re.IGNORECASE,
)
_LEET_SIGN = re.compile(r"[01357@$](?<=[a-z].)", re.IGNORECASE)  # behind a letter
_LEET_LETTERS = str.maketrans("01357@$", "oiestas")

# Letters of other alphabets that look like Latin ones (Unicode Technical Standard 39, the common single letters).
_CYRILLIC = dict(zip("асԁеһіјӏорԛѕԝхуАВЕКМНОРСТХЅІЈУ", "acdehijlopqswxyABEKMHOPCTXSIJY", strict=True))  # noqa: RUF001
_GREEK = dict(zip("αεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeikvoptuxABEZHIKMNOPTYX", strict=True))
_LOOKALIKES = str.maketrans(_CYRILLIC | _GREEK)


def normalise(text: str) -> str:
    """Resolve HTML entities and compatibility characters, remove invisible ones, undo disguised letters."""
    text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _stream_safe(text))
        for character in set(text):
            if unicodedata.category(character) == "Cf":  # zero-width and direction marks: 170 in all
                text = text.replace(character, "")
        text = _FOREIGN_WORD.sub(_latin, text)
    text = _SPACED.sub(lambda match: match.group().replace(match.group(1), ""), text)
    text = " ".join(text.split())
    if not _LEET_SIGN.search(text):  # much faster than the pattern below
        return text
    return _LEET.sub(lambda match: match.group().translate(_LEET_LETTERS), text)


def _stream_safe(text: str) -> str:
    """The text with at most MARKS combining marks in a row (Unicode Standard Annex 15, "Stream-Safe Text Format").

    No language has more, and bringing n marks into their order takes time proportional to the square of n.
    """
    if not any(map(unicodedata.combining, text)):
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MARKS:
            kept.append(character)
    return "".join(kept)


def _latin(match: re.Match) -> str:
    """The word, which is not ASCII, in Latin letters where it mixes look-alikes with them; another one as it is."""
    word = match.group()
    plain = word.translate(_LOOKALIKES)
    mixed = any(c.isascii() and c.isalpha() for c in word)
    return plain if mixed and plain.isascii() else word
