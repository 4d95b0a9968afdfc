"""The sets of texts' word and character n-grams, numbered by hashing (Weinberger et al., 2009).

A number is `crc32(kind + n-gram) % (buckets - 1) + 1`, where kind is `w` or `c`; 0 is left for the padding. CRC-32 can
go on from where it was, so a run is hashed from the shorter run before it, and no n-gram becomes a string. The
characters of several texts are hashed in NumPy at once: a call of it costs about as much for one text as for several.
"""

from collections.abc import Sequence
from itertools import chain, pairwise
from zlib import crc32

import numpy as np

LONGEST_WORDS, LONGEST = 3, 4  # tokens of a run, and characters of one
LENGTHS, LENGTH_STEP = 9, 20  # a text's length counts in steps of 20 characters, up to 180

_WORDS, _CHARACTERS = crc32(b"w"), crc32(b"c")
_OF_BYTE = np.array([crc32(bytes([byte]), 0xFFFFFFFF) ^ 0xFFFFFFFF for byte in range(256)], np.uint32)
_BLANK = ord(" ")


def numbers(
    tokens: Sequence[Sequence[str]], texts: Sequence[str], buckets: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The numbers of each text's word n-grams, and those of its character n-grams.

    Word n-grams are the runs of 1 to 3 of its tokens, and two of the whole text: its length and its share of capitals,
    in coarse steps. The length helps because spam tends to fill the 160 characters of an SMS. Character n-grams are the
    runs of 2 to 4 characters within each word, a blank on both sides included.

    The arrays are int32 and have each number once, in order. The characters' array of a text without words is empty.
    """
    keys = np.concatenate([_word_keys(tokens, texts, buckets), _character_keys(texts, buckets)])
    keys.sort()
    once = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=once[1:])
    keys = keys[once]
    sets = 2 * len(texts)
    bounds = np.searchsorted(keys, np.arange(sets + 1) * buckets).tolist()
    all_numbers = (keys % buckets + 1).astype(np.int32)
    ready = [all_numbers[start:end] for start, end in pairwise(bounds)]
    return ready[: len(texts)], ready[len(texts) :]


def _keys(hashes: np.ndarray, owners: np.ndarray, buckets: int) -> np.ndarray:
    """The hashes' numbers less 1, each above those of the owners before its own: int64."""
    return hashes % np.uint32(buckets - 1) + owners * buckets


def _word_keys(tokens: Sequence[Sequence[str]], texts: Sequence[str], buckets: int) -> np.ndarray:
    hashes = [_word_hashes(*of_text) for of_text in zip(tokens, texts, strict=True)]
    owners = np.repeat(np.arange(len(texts)), list(map(len, hashes)))
    return _keys(np.array(list(chain.from_iterable(hashes)), np.uint32), owners, buckets)


def _word_hashes(tokens: Sequence[str], text: str) -> list[int]:
    capitals = 10 * sum(map(str.isupper, text)) // max(len(text), 1)
    whole = (f"<length {min(len(text) // LENGTH_STEP, LENGTHS)}>", f"<capitals {capitals}>")
    hashes = [crc32(gram.encode(), _WORDS) for gram in whole]
    words = [token.encode(errors="surrogatepass") for token in tokens]
    following = [b" " + word for word in words[1:]]
    runs = [crc32(word, _WORDS) for word in words]
    hashes += runs
    for skipped in range(LONGEST_WORDS - 1):
        runs = list(map(crc32, following[skipped:], runs))
        hashes += runs
    return hashes


def _character_keys(texts: Sequence[str], buckets: int) -> np.ndarray:
    """Of all texts as one row of characters: what follows is by the size of a run and by the character that ends it."""
    lower = [" ".join(text.lower().split()) + " " for text in texts]
    owners = np.repeat(np.arange(len(texts), 2 * len(texts)), list(map(len, lower)))
    first, later = _bytes_of_characters(" " * (LONGEST - 1) + "".join(lower))
    inside = first != _BLANK
    kept = np.empty((LONGEST - 1, len(owners)), bool)  # the runs without a blank between their ends
    kept[0] = inside[2:-1] | inside[3:]
    kept[1] = inside[2:-1]
    kept[2] = inside[1:-2] & inside[2:-1]
    hashes = np.empty(kept.shape, np.uint32)
    state = np.full(len(first) + 1, ~_CHARACTERS & 0xFFFFFFFF, np.uint32)
    for size in range(1, LONGEST + 1):
        state = _add_byte(state[:-1], first[size - 1 :])
        for at, byte in later:
            state[at - size + 1] = _add_byte(state[at - size + 1], byte)
        if size > 1:
            np.invert(state[LONGEST - size :], out=hashes[size - 2])
    return _keys(hashes, owners, buckets)[kept]


def _bytes_of_characters(text: str) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Each character's first byte in UTF-8; and where a character has a second, third or fourth one, with that byte."""
    data = np.frombuffer(text.encode(errors="surrogatepass"), np.uint8)
    if len(data) == len(text):
        return data, []
    starts = np.flatnonzero((data & 0xC0) != 0x80)  # the other bytes go on from the one before
    sizes = np.diff(starts, append=len(data))
    longer = [np.flatnonzero(sizes > i) for i in range(1, sizes.max())]
    return data[starts], [(at, data[starts[at] + i]) for i, at in enumerate(longer, 1)]


def _add_byte(state: np.ndarray, byte: np.ndarray) -> np.ndarray:
    """The states, uint32 (n,), of CRC-32 after one more byte each, uint8 (n,)."""
    return (state >> 8) ^ _OF_BYTE.take((state ^ byte).astype(np.uint8))
