"""Batches of messages of about the same length, so that little of a batch is padding."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.model.backend import keras
from pipelines.params import Training
from registry.model.tokenizer import PADDING, UNKNOWN, Encoded, pad, stack

PREDICTED_AT_ONCE = 64  # messages


class Batches:
    """Training batches ([ids, offset], labels), drawn anew for each epoch; the same seed gives the same batches.

    `offset`, float (n, labels), are the logits of the wide part, which the network is trained on top of.

    Messages are sorted by length with a little noise and cut into batches, and the batches are shuffled.
    `word_dropout` is the share of tokens replaced by the unknown token, so that no decision depends on one rare word
    (Iyyer et al., 2015). `wide_dropout` is the share of messages whose offset is 0 in a batch, so that the network
    learns to decide without the wide part, too.
    """

    def __init__(
        self,
        rows: Sequence[list[int]],
        offset: np.ndarray,
        actual: np.ndarray,
        settings: Training,
    ):
        self.rows, self.offset, self.actual = rows, offset, actual
        self.size, self.word_dropout, self.wide_dropout = settings.batch, settings.word_dropout, settings.wide_dropout
        self.random = np.random.default_rng(settings.seed)
        self.lengths = np.array([len(row) for row in rows])
        self._draw()

    def _draw(self) -> None:
        order = np.argsort(self.lengths + self.random.uniform(0, 2, len(self.rows)), kind="stable")
        self.chunks = [order[start : start + self.size] for start in range(0, len(order), self.size)]
        self.random.shuffle(self.chunks)

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        """An epoch; the next one has other batches."""
        yield from (self[index] for index in range(len(self)))
        self._draw()

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        chunk = self.chunks[index]
        ids = pad([self.rows[i] for i in chunk])
        dropped = (self.random.random(ids.shape) < self.word_dropout) & (ids != PADDING)
        offset = self.offset[chunk]
        if self.wide_dropout:
            offset = offset * (self.random.random((len(chunk), 1)) >= self.wide_dropout).astype(np.float32)
        return (np.where(dropped, np.int32(UNKNOWN), ids), offset), self.actual[chunk]


def probabilities(model: keras.Model, rows: Sequence[Encoded]) -> np.ndarray:
    """The model's answers, float32 (n, labels), in the order of the rows."""
    order = sorted(range(len(rows)), key=lambda i: max(map(len, rows[i].values())))
    out = np.empty((len(rows), model.output_shape[-1]), dtype=np.float32)
    for start in range(0, len(order), PREDICTED_AT_ONCE):
        chunk = order[start : start + PREDICTED_AT_ONCE]
        out[chunk] = model.predict_on_batch(stack([rows[i] for i in chunk]))
    return out
