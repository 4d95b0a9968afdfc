"""Ways to write a message differently. Pure functions from text to text; one that does not apply changes nothing."""

import re

_NAMES = {"Anna": "Maria", "Tom": "Sam", "Leo": "Max", "Bella": "Luna", "Patel": "Khan", "Jones": "Evans"}
_DAYS = {"Monday": "Friday", "Tuesday": "Monday", "Thursday": "Tuesday", "Friday": "Sunday", "Saturday": "Monday"}
_WORD = re.compile(r"(?<![\w./:@-])[^\W\d_]{4,}(?![\w./:@-])")  # four letters or more, in no link or address
_LOOKALIKES = str.maketrans("aeopcxi", "аеорсхі")  # noqa: RUF001, Cyrillic
_LEET = str.maketrans("oiesa", "0135@")
ZERO_WIDTH = "\u200b"


def swap(text: str, others: dict[str, str]) -> str:
    return re.sub("|".join(rf"\b{word}\b" for word in others), lambda found: others[found.group()], text)


def names(text: str) -> str:
    return swap(text, _NAMES)


def days(text: str) -> str:
    return swap(text, _DAYS)


def digits(text: str) -> str:
    """Other digits, as in another phone number or time; the first digit of a number says what it is and stays."""
    return re.sub(r"(?<=\d)\d", lambda found: str((int(found.group()) + 3) % 10), text)


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
    return _WORD.sub(lambda found: ZERO_WIDTH.join(found.group()), text)


def homoglyphs(text: str) -> str:
    return _WORD.sub(lambda found: _keep_ends(found.group(), _LOOKALIKES), text)


def leetspeak(text: str) -> str:
    return _WORD.sub(lambda found: _keep_ends(found.group(), _LEET), text)


def spaced_out(text: str) -> str:
    """The longest word as single letters."""
    words = _WORD.findall(text)
    return text.replace(max(words, key=len), " ".join(max(words, key=len)), 1) if words else text


def full_width(text: str) -> str:
    return _WORD.sub(lambda found: "".join(chr(ord(c) + 0xFEE0) if c.isascii() else c for c in found.group()), text)


def _keep_ends(word: str, table: dict[int, int]) -> str:
    return word[0] + word[1:-1].translate(table) + word[-1]
