"""Text to ids: the one way from a message to a model's inputs, in training and in serving.

A text is normalised and cut into tokens by a scheme. A model has one or both of these inputs from it:

- `ids`, the tokens in order, numbered by a vocabulary that was learnt from training messages alone;
- `words` and `characters`, the sets of its word and character n-grams, numbered by hashing (Weinberger et al., 2009).
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from zlib import crc32

import numpy as np

from registry.model.normalise import normalise

Encoded = dict[str, list[int]]  # a text as the model's inputs, by their names

LONGEST_WORDS, SHORTEST_CHARACTERS, LONGEST_CHARACTERS = 3, 2, 4  # of the n-grams
LENGTHS, LENGTH_STEP = 9, 20  # a text's length is told in steps of 20 characters, up to 180
PADDING, UNKNOWN, FIRST = 0, 1, 2  # reserved ids; the vocabulary starts at FIRST

_KERAS_FILTER = str.maketrans({c: " " for c in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'})
_SHAPES = re.compile(
    r"(?P<url>(?:https?://|www\.)\S+|\b[a-z0-9-]+\.(?:com|net|org|info|biz|tv|co\.uk)\b\S*)"
    r"|(?P<email>\S+@\S+\.\w+)"
    r"|(?P<digits>\d+)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)"
    r"|(?P<mark>[^\w\s]|_)",
    re.IGNORECASE,
)


def words(text: str) -> list[str]:
    """Lower-case words between blanks and ASCII punctuation, as the Keras Tokenizer cuts them."""
    return text.lower().translate(_KERAS_FILTER).split()


def shapes(text: str) -> list[str]:
    """Words, punctuation marks and the shapes that give spam away.

    A number becomes its length (`<d11>` is an 11-digit number), a link `<url>`, an address `<email>`; a word all
    in capitals is preceded by `<caps>`, since lower case alone would lose it.
    """
    tokens = []
    for match in _SHAPES.finditer(text):
        found = match.group()
        match match.lastgroup:
            case "word":
                if len(found) > 1 and found.isupper():
                    tokens.append("<caps>")
                tokens.append(found.lower())
            case "digits":
                tokens.append(f"<d{min(len(found), 12)}>")
            case "mark":
                tokens.append(found)
            case kind:
                tokens.append(f"<{kind}>")
    return tokens


def word_grams(tokens: Sequence[str], text: str) -> set[str]:
    """Runs of 1 to 3 tokens, and two coarse measures of the whole text: its length and its share of capitals.

    Spam fills the 160 characters that it paid for.
    """
    runs = {
        " ".join(tokens[start : start + size])
        for size in range(1, LONGEST_WORDS + 1)
        for start in range(len(tokens) - size + 1)
    }
    capitals = 10 * sum(map(str.isupper, text)) // max(len(text), 1)
    return runs | {f"<length {min(len(text) // LENGTH_STEP, LENGTHS)}>", f"<capitals {capitals}>"}


def character_grams(text: str) -> set[str]:
    """Runs of 2 to 4 characters within each word and the blanks around it; a shorter word is a run of its own."""
    grams = set()
    for word in set(text.lower().split()):
        word = f" {word} "
        for size in range(SHORTEST_CHARACTERS, min(LONGEST_CHARACTERS, len(word)) + 1):
            grams.update(word[start : start + size] for start in range(len(word) - size + 1))
    return grams


SCHEMES: dict[str, Callable[[str], list[str]]] = {"words": words, "shapes": shapes}


@dataclass(frozen=True)
class Tokenizer:
    """A scheme with the vocabulary learnt for it: token i of `vocabulary` has the id i + 2.

    `ids` are for a model with a vocabulary, n-grams for one with `buckets`: how many numbers they are hashed to.
    """

    scheme: str
    vocabulary: tuple[str, ...]
    max_tokens: int
    buckets: int = 0

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        scheme: str,
        max_tokens: int,
        max_words: int | None = None,
        min_count: int = 1,
        buckets: int = 0,
    ) -> "Tokenizer":
        """Number the `max_words` most frequent tokens that occur `min_count` times or more; ties by code point."""
        counts = Counter(token for text in texts for token in SCHEMES[scheme](normalise(text)))
        ranked = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return cls(scheme, tuple(ranked[:max_words]), max_tokens, buckets)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Tokenizer":
        """Read what `to_json` wrote. Raises ValueError, KeyError or TypeError when it is something else."""
        read = json.loads(text)
        return cls(read["scheme"], tuple(read["vocabulary"]), read["max_tokens"], read["buckets"])

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary, FIRST)}

    @property
    def size(self) -> int:
        """How many ids there are, the reserved ones included: the rows of an embedding."""
        return len(self.vocabulary) + FIRST

    def encode(self, text: str) -> Encoded:
        """The text as the inputs of a model. No row is empty: a text without any token is one unknown token."""
        text = normalise(text)
        tokens = SCHEMES[self.scheme](text)[: self.max_tokens]
        encoded = {}
        if self.vocabulary:
            encoded["ids"] = [self._ids.get(token, UNKNOWN) for token in tokens] or [UNKNOWN]
        if self.buckets:
            encoded["words"] = self._hash(word_grams(tokens, text), "w")
            encoded["characters"] = self._hash(character_grams(text), "c") or [PADDING]
        return encoded

    def _hash(self, grams: Iterable[str], kind: str) -> list[int]:
        last = self.buckets - 1  # number 0 is the padding's
        return sorted({crc32(f"{kind}{gram}".encode(errors="surrogatepass")) % last + 1 for gram in grams})


def stack(rows: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """Encoded texts as a model's inputs: int32 arrays (texts, longest row), padded on the right."""
    return {name: pad([row[name] for row in rows]) for name in rows[0]}


def pad(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids as one int32 array of shape (rows, longest row), padded on the right."""
    out = np.full((len(rows), max(map(len, rows), default=0)), PADDING, dtype=np.int32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
