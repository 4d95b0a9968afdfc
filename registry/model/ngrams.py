"""The sets of a text's word and character n-grams, numbered by hashing (Weinberger et al., 2009).

A number is `crc32(kind + n-gram) % (buckets - 1) + 1`, where kind is `w` or `c`; 0 is left for the padding. CRC-32 can
go on from where it was, so a run of words is hashed from the shorter run before it, and no n-gram becomes a string.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

LONGEST_WORDS, SHORTEST_CHARACTERS, LONGEST_CHARACTERS = 3, 2, 4  # of the n-grams
LENGTHS, LENGTH_STEP = 9, 20  # a text's length counts in steps of 20 characters, up to 180
REMEMBERED, LONGEST_REMEMBERED = 4_096, 20  # words, and the characters of one: about 1 KB each

_ORDINARY = re.compile(r"[a-z]+('[a-z]+)?[.,!?]*")  # no number, code or address is remembered
_WORDS, _CHARACTERS = crc32(b"w"), crc32(b"c")


def word_numbers(tokens: Sequence[str], text: str, buckets: int) -> list[int]:
    """The numbers, in order, of the runs of 1 to 3 tokens and of two n-grams of the whole text.

    Those are its length and its share of capitals, in coarse steps. The length helps because spam tends to fill the 160
    characters of an SMS.
    """
    capitals = 10 * sum(map(str.isupper, text)) // max(len(text), 1)
    whole = (f"<length {min(len(text) // LENGTH_STEP, LENGTHS)}>", f"<capitals {capitals}>")
    hashes = {crc32(gram.encode(), _WORDS) for gram in whole}
    following = [b" " + token.encode(errors="surrogatepass") for token in tokens]
    for start, first in enumerate(following):
        run = crc32(first[1:], _WORDS)
        hashes.add(run)
        for token in following[start + 1 : start + LONGEST_WORDS]:
            run = crc32(token, run)
            hashes.add(run)
    return sorted({value % (buckets - 1) + 1 for value in hashes})


def character_numbers(text: str, buckets: int) -> list[int]:
    """The numbers, in order, of the runs of 2 to 4 characters within each word, a blank on both sides included."""
    numbers: set[int] = set()
    for word in set(text.lower().split()):
        if len(word) <= LONGEST_REMEMBERED and _ORDINARY.fullmatch(word):
            numbers.update(_of_ordinary_word(word, buckets))
        else:
            numbers.update(_of_word(word, buckets))
    return sorted(numbers)


def _of_word(word: str, buckets: int) -> set[int]:
    word, last = f" {word} ", buckets - 1
    spans = [
        (start, start + size)
        for size in range(SHORTEST_CHARACTERS, LONGEST_CHARACTERS + 1)
        for start in range(len(word) - size + 1)
    ]
    if word.isascii():  # a character is a byte
        data = word.encode()
        return {crc32(data[start:end], _CHARACTERS) % last + 1 for start, end in spans}
    return {crc32(word[start:end].encode(errors="surrogatepass"), _CHARACTERS) % last + 1 for start, end in spans}


@lru_cache(REMEMBERED)
def _of_ordinary_word(word: str, buckets: int) -> tuple[int, ...]:
    """As `_of_word`: nearly all words of a message have been in another."""
    return tuple(_of_word(word, buckets))
