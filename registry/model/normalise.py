"""One spelling for the many ways to write the same message, so that a disguise is read as what it hides.

Applied to every message before it is cut into tokens, in training and in serving alike.
"""

import html
import re
import unicodedata

_LETTER = r"[^\W\d_]"
_SPACED = re.compile(rf"(?<!\w){_LETTER}(?:([ .\-_*]){_LETTER})(?:\1{_LETTER}){{2,}}(?!\w)")  # four letters or more
_WORD = re.compile(r"\w+")
# A word of letters and of digits that stand for letters: pr1ze, cl@1m, fr33. Not 2, 4 and 8: texting's own.
_LEET = re.compile(
    r"(?<!\S)[a-z](?:[a-z]|(?<=[a-z])(?:([01357@$])\1?|[@$][0135]|[0135][@$])(?=[a-z]))*(?:33)?(?=[.,!?]*(?!\S))",
    re.IGNORECASE,
)
_LEET_LETTERS = str.maketrans("01357@$", "oiestas")

# Letters of other alphabets that look like Latin ones (Unicode Technical Standard 39, the common single letters).
_CYRILLIC = dict(zip("асԁеһіјӏорԛѕԝхуАВЕКМНОРСТХЅІЈУ", "acdehijlopqswxyABEKMHOPCTXSIJY", strict=True))  # noqa: RUF001
_GREEK = dict(zip("αεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeikvoptuxABEZHIKMNOPTYX", strict=True))
_LOOKALIKES = str.maketrans(_CYRILLIC | _GREEK)


def normalise(text: str) -> str:
    """HTML entities and compatibility characters resolved, invisible ones gone, disguised letters as plain ones."""
    text = unicodedata.normalize("NFKC", html.unescape(text))
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")  # zero-width and direction marks
        text = _WORD.sub(_latin, text)
    text = _SPACED.sub(lambda found: found.group().replace(found.group(1), ""), text)
    return _LEET.sub(lambda found: found.group().translate(_LEET_LETTERS), " ".join(text.split()))


def _latin(word: re.Match) -> str:
    """A word that mixes look-alikes into Latin letters, in Latin letters; another alphabet's own word as it is."""
    found = word.group()
    plain = found.translate(_LOOKALIKES)
    mixed = not found.isascii() and any(c.isascii() and c.isalpha() for c in found)
    return plain if mixed and plain.isascii() else found
