"""Where an epoch of a training goes: clocks for a whole training, and each part of one alone."""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.results import OURS, Figure
from tests.project import ROOT

if TYPE_CHECKING:
    from pipelines import params
    from pipelines.data.splits import Split
    from pipelines.train import AfterEpoch

PARTS = "training: where an epoch goes"
PREPARED = ROOT / "build/prepared"


class Epochs:
    """Called after each epoch by `fit`: calls `then`, and keeps when that began and when it had finished."""

    def __init__(self, then: "AfterEpoch") -> None:
        self.then = then
        self.times: list[tuple[int, float, float]] = []

    def __call__(self, epoch: int, *arguments: Any) -> None:
        began = time.perf_counter()
        self.then(epoch, *arguments)
        self.times.append((epoch, began, time.perf_counter()))

    def seconds(self) -> float:
        """An epoch's seconds without what is done after it: the median of all but the first, which also compiles."""
        pairs = pairwise(self.times)
        return statistics.median(began - ended for (_, _, ended), (epoch, began, _) in pairs if epoch > 1)

    def after(self) -> float:
        """The seconds of what is done after an epoch: the median, since the first one also compiles."""
        return statistics.median(ended - began for _, began, ended in self.times)


class TimedRun:
    """A TrainingRun for `Curves`, which keeps what logging an epoch takes."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.times: list[float] = []

    def log_epoch(self, epoch: int, figures: dict[str, float]) -> None:
        start = time.perf_counter()
        self.run.log_epoch(epoch, figures)
        self.times.append(time.perf_counter() - start)

    def seconds(self) -> float:
        return statistics.median(self.times)


def parts(name: str) -> list[Figure]:
    """Each part of the variant's training alone, in seconds."""
    return [Figure(PARTS, f"{name}: {part}", OURS, "s", seconds) for part, seconds in _parts(name)]


def _parts(name: str) -> Iterator[tuple[str, float]]:
    from pipelines.model import network, wide
    from pipelines.model.backend import make_repeatable
    from pipelines.model.batches import Batches
    from pipelines.model.sizes import sizes_of

    variant, training, _ = inputs(name)
    make_repeatable(variant.training.seed)
    start = time.perf_counter()
    tokenizer, rows = _encoded(variant, training)
    yield "once, texts into tokens", time.perf_counter() - start
    offset = np.zeros((len(rows), len(training.labels)), dtype=np.float32)
    start = time.perf_counter()
    model = network.build(variant, tokenizer, sizes_of(training))
    yield "once, building the network", time.perf_counter() - start
    if variant.wide:
        start = time.perf_counter()
        _, offset, _ = wide.fit(rows, training, variant.wide, variant.tokens.buckets)
        yield "once, the wide part", time.perf_counter() - start
    batches = Batches([row["ids"] for row in rows], offset, training.actual, variant.training)
    start = time.perf_counter()
    for _ in batches:
        pass
    yield "an epoch's batches, drawn and padded", time.perf_counter() - start
    yield from _steps(network.residual(model, len(training.labels)), batches, variant.training.learning_rate)


def _encoded(variant: "params.Variant", training: "Split") -> tuple[Any, list[Any]]:
    """The tokenizer and the rows, as `fit` makes them."""
    from pipelines.data.suffixes import public_suffixes
    from pipelines.train import vary_slots
    from registry.model.tokenizer import Tokenizer

    texts = vary_slots(training, variant.slots, variant.training.seed)
    suffixes = public_suffixes() if variant.tokens.scheme == "spans" else ()
    tokenizer = Tokenizer.fit(texts, **variant.tokens.model_dump(), suffixes=suffixes)
    return tokenizer, tokenizer.encode_all(texts)


def _steps(model: Any, batches: Any, learning_rate: float) -> Iterator[tuple[str, float]]:
    """An epoch over batches that are there already: the forward passes alone, and the whole steps."""
    from pipelines.model.backend import keras, tf
    from pipelines.train import training_step

    ready = list(batches)
    forward = tf.function(lambda given: model(given, training=True), reduce_retracing=True)
    _, again = (_seconds(lambda: [forward(given) for given, _ in ready]) for _ in range(2))
    yield "an epoch's forward passes", again
    step = training_step(model, keras.optimizers.Adam(learning_rate))
    first, again = (_seconds(lambda: [step(*given, labels) for given, labels in ready]) for _ in range(2))
    yield "once, compiling the steps", first - again
    yield "an epoch's forward and backward passes, with the update", again


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def inputs(name: str) -> tuple["params.Variant", "Split", "Split"]:
    """The variant, and its training and validation messages."""
    from pipelines import params
    from pipelines.data import splits

    variant = params.variant(name, ROOT / "params.yaml")
    training, validation = (splits.read(PREPARED, split, variant.sources) for split in ("train", "validation"))
    return variant, training, validation
