"""From a message to a model's inputs, the same way in training and in serving.

A text is normalised and split into tokens by a scheme. Both are part of a version: an artifact names its normaliser and
its scheme, and each stays in this code as long as a version that names it may be served. A change is a new one beside
the old ones. A model takes one or both of these inputs:

- `ids`, the tokens in order, numbered by a vocabulary that was learnt from the training messages;
- `words` and `characters`, the sets of its word and character n-grams, numbered by hashing (Weinberger et al., 2009).
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from zlib import crc32

import numpy as np

from registry.model.normalise import normalise
from registry.model.shapes import shapes
from registry.model.spans import spans

Encoded = dict[str, list[int]]  # the ids of one text, by the name of the input

LONGEST_WORDS, SHORTEST_CHARACTERS, LONGEST_CHARACTERS = 3, 2, 4  # of the n-grams
LENGTHS, LENGTH_STEP = 9, 20  # a text's length counts in steps of 20 characters, up to 180
PADDING, UNKNOWN, FIRST = 0, 1, 2  # reserved ids; the vocabulary starts at FIRST

_KERAS_FILTER = str.maketrans({c: " " for c in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'})


def words(text: str) -> list[str]:
    """Lower-case words between blanks and ASCII punctuation, as the Keras Tokenizer splits a text."""
    return text.lower().translate(_KERAS_FILTER).split()


def word_grams(tokens: Sequence[str], text: str) -> set[str]:
    """Runs of 1 to 3 tokens, and two tokens of the whole text: its length and its share of capitals, in coarse steps.

    The length helps because spam tends to fill the 160 characters of an SMS.
    """
    runs = {
        " ".join(tokens[start : start + size])
        for size in range(1, LONGEST_WORDS + 1)
        for start in range(len(tokens) - size + 1)
    }
    capitals = 10 * sum(map(str.isupper, text)) // max(len(text), 1)
    return runs | {f"<length {min(len(text) // LENGTH_STEP, LENGTHS)}>", f"<capitals {capitals}>"}


def character_grams(text: str) -> set[str]:
    """Runs of 2 to 4 characters within each word, a blank on both sides included."""
    grams = set()
    for word in set(text.lower().split()):
        word = f" {word} "
        for size in range(SHORTEST_CHARACTERS, min(LONGEST_CHARACTERS, len(word)) + 1):
            grams.update(word[start : start + size] for start in range(len(word) - size + 1))
    return grams


Scheme = Callable[[str, Collection[str]], list[str]]  # from a text and the public suffixes to its tokens

SCHEMES: dict[str, Scheme] = {
    "words": lambda text, suffixes: words(text),
    "shapes": lambda text, suffixes: shapes(text),
    "spans": spans,
}
NORMALISERS: dict[str, Callable[[str], str]] = {"latin": normalise}


@dataclass(frozen=True)
class Tokenizer:
    """A scheme with its vocabulary, in which token i has the id i + 2.

    An empty vocabulary gives no `ids`. N-grams are hashed to numbers below `buckets`; 0 gives no n-grams. `suffixes`
    are the public suffixes of more than one label, for a scheme that reads links.
    """

    scheme: str
    vocabulary: tuple[str, ...]
    max_tokens: int
    buckets: int = 0
    normaliser: str = "latin"
    suffixes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        scheme: str,
        max_tokens: int,
        max_words: int | None = None,
        min_count: int = 1,
        buckets: int = 0,
        suffixes: Iterable[str] = (),
    ) -> "Tokenizer":
        """Learn a vocabulary of the `max_words` most frequent tokens that occur `min_count` times or more.

        Tokens of one count are in the order of their code points, so that the ids are the same on every machine.
        """
        tokenizer = cls(scheme, (), max_tokens, buckets, suffixes=tuple(sorted(suffixes)))
        counts = Counter(token for text in texts for token in tokenizer.tokens(text))
        ranked = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return replace(tokenizer, vocabulary=tuple(ranked[:max_words]))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Tokenizer":
        """The inverse of `to_json`. Raises ValueError, KeyError or TypeError for any other text.

        Versions of before there was a choice name no normaliser; theirs is `latin`.
        """
        fields = json.loads(text)
        if fields["scheme"] not in SCHEMES or fields.get("normaliser", "latin") not in NORMALISERS:
            raise ValueError(f"this program has no scheme {fields['scheme']!r} or no such normaliser")
        fields |= {name: tuple(fields[name]) for name in ("vocabulary", "suffixes") if name in fields}
        return cls(**fields)

    def to_json(self) -> str:
        """Without the fields that older versions lack, where they have their default: so digests stay the same."""
        defaults = {"normaliser": "latin", "suffixes": ()}
        fields = {name: value for name, value in asdict(self).items() if defaults.get(name) != value}
        return json.dumps(fields, ensure_ascii=False)

    def tokens(self, text: str) -> list[str]:
        """All tokens of the text."""
        return self._split(NORMALISERS[self.normaliser](text))

    def _split(self, normalised: str) -> list[str]:
        return SCHEMES[self.scheme](normalised, self._suffixes)

    @cached_property
    def _suffixes(self) -> frozenset[str]:
        return frozenset(self.suffixes)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary, FIRST)}

    @property
    def size(self) -> int:
        """The count of ids, the reserved ones included: the rows of an embedding."""
        return len(self.vocabulary) + FIRST

    def encode(self, text: str) -> Encoded:
        """The text as the inputs of a model.

        Without tokens, `ids` is [UNKNOWN]; without n-grams, `characters` is [PADDING], and `words` may be empty.
        """
        text = NORMALISERS[self.normaliser](text)
        tokens = self._split(text)[: self.max_tokens]
        encoded = {}
        if self.vocabulary:
            encoded["ids"] = [self._ids.get(token, UNKNOWN) for token in tokens] or [UNKNOWN]
        if self.buckets:
            encoded["words"] = self._hash(word_grams(tokens, text), "w")
            encoded["characters"] = self._hash(character_grams(text), "c") or [PADDING]
        return encoded

    def unknown_share(self, text: str) -> float | None:
        """The share of the text's tokens that are not in the vocabulary; None where the vocabulary is empty."""
        if not self.vocabulary:
            return None
        tokens = self.tokens(text)[: self.max_tokens]
        return sum(token not in self._ids for token in tokens) / max(len(tokens), 1)

    def _hash(self, grams: Iterable[str], kind: str) -> list[int]:
        last = self.buckets - 1  # number 0 is the padding's
        return sorted({crc32(f"{kind}{gram}".encode(errors="surrogatepass")) % last + 1 for gram in grams})


def stack(rows: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """Encoded texts as the inputs of a model: int32 arrays (texts, longest row), padded on the right."""
    return {name: pad([row[name] for row in rows]) for name in rows[0]}


def pad(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids as one int32 array of shape (rows, longest row), padded on the right."""
    out = np.full((len(rows), max(map(len, rows), default=0)), PADDING, dtype=np.int32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
