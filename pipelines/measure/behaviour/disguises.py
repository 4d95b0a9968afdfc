"""Ways to write a message differently: pure functions from text to text. Some texts stay as they are."""

import re

_NAMES = {"Anna": "Maria", "Tom": "Sam", "Leo": "Max", "Bella": "Luna", "Patel": "Khan", "Jones": "Evans"}
_DAYS = {"Monday": "Friday", "Tuesday": "Monday", "Thursday": "Tuesday", "Friday": "Sunday", "Saturday": "Monday"}
_WORD = re.compile(r"(?<![\w./:@-])[^\W\d_]{4,}(?![\w./:@-])")  # four letters or more, in no link or address
_LOOKALIKES = str.maketrans("aeopcxi", "аеорсхі")  # noqa: RUF001, Cyrillic
_LEET = str.maketrans("oiesa", "0135@")
ZERO_WIDTH = "\u200b"


def swap(text: str, others: dict[str, str]) -> str:
    return re.sub("|".join(rf"\b{word}\b" for word in others), lambda match: others[match.group()], text)


def names(text: str) -> str:
    return swap(text, _NAMES)


def days(text: str) -> str:
    return swap(text, _DAYS)


def digits(text: str) -> str:
    """Other digits, as in another phone number or time; the first digit stays, since it shows the kind of number."""
    return re.sub(r"(?<=\d)\d", lambda match: str((int(match.group()) + 3) % 10), text)


def lower_case(text: str) -> str:
    return text.lower()


def upper_case(text: str) -> str:
    return text.upper()


def typo(text: str) -> str:
    """The middle letters of the longest word change places."""
    if not (words := _WORD.findall(text)):
        return text
    word = max(words, key=len)
    middle = len(word) // 2
    return text.replace(word, word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :], 1)


def blanks(text: str) -> str:
    return f"  {text} \n"


def zero_width(text: str) -> str:
    return _WORD.sub(lambda match: ZERO_WIDTH.join(match.group()), text)


def homoglyphs(text: str) -> str:
    return _WORD.sub(lambda match: _keep_ends(match.group(), _LOOKALIKES), text)


def leetspeak(text: str) -> str:
    return _WORD.sub(lambda match: _keep_ends(match.group(), _LEET), text)


def spaced_out(text: str) -> str:
    """The longest word as single letters."""
    words = _WORD.findall(text)
    return text.replace(max(words, key=len), " ".join(max(words, key=len)), 1) if words else text


def full_width(text: str) -> str:
    return _WORD.sub(lambda match: "".join(chr(ord(c) + 0xFEE0) if c.isascii() else c for c in match.group()), text)


def _keep_ends(word: str, table: dict[int, int]) -> str:
    return word[0] + word[1:-1].translate(table) + word[-1]
