"""What is asked: messages of the corpora, as people wrote them, one at a time and in lists."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.load import NUMBER
from tests.benchmarks.peers.served import Peer, Request

PREPARED = Path("build/prepared/train.csv")
COUNT = 1_000  # different messages
LISTS = {32: 50, 1_000: 3}  # the texts of a list: how many different lists


def messages() -> list[str]:
    """`COUNT` messages, drawn with a fixed seed."""
    with PREPARED.open(newline="", encoding="utf-8") as file:
        texts = sorted({row["text"] for row in csv.DictReader(file)})
    return random.Random(1).sample(texts, COUNT)


def requests(peer: Peer, texts: Sequence[str], size: int, cached: bool) -> list[Request]:
    """Requests of `size` texts each; where they are not to be cached, each text begins with a number of its own."""
    if not cached:
        texts = [f"{NUMBER.decode()} {text}" for text in texts]
    if size == 1:
        return [peer.one(text) for text in texts]
    draw = random.Random(size)
    return [peer.many(draw.sample(texts, size)) for _ in range(LISTS[size])]
