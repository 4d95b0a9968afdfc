"""`python -m tests.benchmarks.inference`: what a prediction takes in process, Keras's ways of it against ours.

Every subject has the same trained network, that of the newest registered version of the variant, and they answer the
same distinct messages of the corpus: one, 32 and 1,000 at once. Each has a process of its own, and they are measured in
turns. A value is the median of a round's calls, in milliseconds.

`NOTE` says which subject does how much. `model.predict` goes through 1,000 messages in batches of its own, of 32; ours
sorts them by length and takes 64 at a time; the others get one array, padded to the longest.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.messages import messages
from tests.benchmarks.results import OURS, Absent, Figure
from tests.benchmarks.subject import Call, subject
from tests.project import ROOT

TABLE = "in process"
VARIANTS = ("workshop", "lstm")
SIZES = (1, 32, 1000)  # the last is all of `messages`
EXPORT = "onnxruntime on Keras's ONNX export"
PYFUNC, GRAPH, TOKENIZER = "our pyfunc", "our graph on the same ids", "our tokenizer alone"
NOTE = f"""\
`model.predict`, `tf.function` and onnxruntime get each message as ids in arrays; {OURS} and {PYFUNC} also cut the texts
into tokens, make the labels and round. "{TOKENIZER}" is what the others are spared, and "{GRAPH}" does as much as they.
Ours runs on one thread, the others on as many as they choose where nothing else is said.
"""
KERAS = ("model.predict", "tf.function")
BENCH = ROOT / "build/bench"
TF2ONNX = BENCH / "tf2onnx"  # beside the environment, not in it: Keras needs it for nothing but its export
CHECKED = 100  # messages that all subjects must answer alike
TOLERANCE = 1e-4
WARM = 3  # calls of each size before any is measured, at least

Answer = Callable[[Any], np.ndarray]  # the messages of one call -> probabilities, float (n, labels)


class Way(NamedTuple):
    """A variant's network and how it is run; `threads` is None for as many as the library chooses."""

    variant: str
    name: str
    threads: int | None = None

    def __str__(self) -> str:
        return self.name + (f", {self.threads} thread" if self.threads else "")


def measure(seconds: float = 1.0, rounds: int = 5) -> Iterator[Figure | Absent]:
    """Each round's figures; `seconds` is how long a subject answers calls of one size in a round."""
    yield from _install_tf2onnx()
    for variant in VARIANTS:
        with ExitStack() as stack:
            ways = {way: stack.enter_context(subject()) for way in _ways(variant)}
            _check(ways)
            for _ in range(rounds):
                for size in SIZES:
                    for way, call in ways.items():
                        row = f"`{variant}`, {'one text' if size == 1 else f'{size:,} texts'}"
                        yield Figure(TABLE, row, str(way), "ms", call(_round, way, size, seconds))


def _ways(variant: str) -> list[Way]:
    theirs = [*KERAS, *([EXPORT] if TF2ONNX.exists() else [])]
    ways = [Way(variant, name, threads) for name in theirs for threads in (None, 1)]
    return ways + [Way(variant, name) for name in (TOKENIZER, GRAPH, PYFUNC, OURS)]


def _check(ways: dict[Way, Call]) -> None:
    """Load every subject. Raises SystemExit where one answers anything else than ours."""
    answers = {way: call(_answers, way) for way, call in ways.items() if way.name != TOKENIZER}
    (ours,) = (answer for way, answer in answers.items() if way.name == OURS)
    for way, answer in answers.items():
        if (difference := float(np.abs(answer - ours).max())) > TOLERANCE:
            raise SystemExit(
                f"{way} answers otherwise than the registered {way.variant}, by {difference:.1e}: is build/ of another "
                "training? `dvc repro` registers what it trains"
            )


def _answers(way: Way) -> np.ndarray:
    return _loaded(way)(_calls(way, CHECKED)[0])


def _round(way: Way, size: int, seconds: float) -> float:
    """The median milliseconds of a call."""
    answer, calls = _warm(way, size)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        messages = next(calls)
        start = time.perf_counter()
        answer(messages)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


@cache
def _warm(way: Way, size: int) -> tuple[Answer, Iterator[Any]]:
    """The subject and its calls without end; it has answered some of this size already."""
    answer, calls = _loaded(way), cycle(_calls(way, size))
    for _ in range(WARM):
        answer(next(calls))
    return answer, calls


@cache
def _calls(way: Way, size: int) -> list[Any]:
    """The messages in calls of this size: lists of texts for ours, ids for Keras's network."""
    texts = messages()
    calls = [texts[start : start + size] for start in range(0, len(texts) - size + 1, size)]
    if way.name in (OURS, PYFUNC, TOKENIZER):
        return calls
    encode = _tokenizer(way)
    return [encode(texts) for texts in calls]


@cache
def _loaded(way: Way) -> Answer:
    if way.name in KERAS:
        return _keras(way)
    ours = {TOKENIZER: _tokenizer, GRAPH: _graph, PYFUNC: _pyfunc, OURS: _artifact}
    return (ours | {EXPORT: _export})[way.name](way)


def _keras(way: Way) -> Answer:
    from pipelines.model.backend import tf

    for set_threads in (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    ):
        set_threads(way.threads or 0)
    model = _model(way.variant)
    if way.name == "model.predict":
        return lambda ids: model.predict(ids, verbose=0)
    signature = {name: tf.TensorSpec((None, None), tf.int32) for name in model.input}
    run = tf.function(lambda ids: model(ids, training=False), input_signature=[signature])
    return lambda ids: run(ids).numpy()


def _model(variant: str) -> Any:
    from pipelines import export, params
    from pipelines.data import splits
    from pipelines.model.sizes import sizes_of

    settings = params.variant(variant, ROOT / "params.yaml")
    sizes = sizes_of(splits.read(ROOT / "build/prepared", "train", settings.sources))
    return export.load(settings, ROOT / "build" / variant / "model", sizes)[0]


def _export(way: Way) -> Answer:
    import onnxruntime

    with subject() as exporting:
        path = exporting(_write_export, way.variant)
    options = onnxruntime.SessionOptions()
    if way.threads:
        options.intra_op_num_threads = options.inter_op_num_threads = way.threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(None, ids)[0]


def _write_export(variant: str) -> Path:
    """Let Keras export the network; `model.export` wants that it was called before."""
    sys.path.append(str(TF2ONNX))
    model, path = _model(variant), BENCH / f"{variant}.onnx"
    model({name: np.ones((2, 3), dtype=np.int32) for name in model.input})
    model.export(path, format="onnx", verbose=False)
    return path


def _install_tf2onnx() -> Iterator[Absent]:
    """Install what `model.export` needs into a folder of its own; say so where it cannot be had."""
    command = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--target", TF2ONNX]
    if not TF2ONNX.exists():
        done = subprocess.run([*command, "tf2onnx"], capture_output=True, text=True)
        if done.returncode:
            yield Absent(TABLE, EXPORT, f"tf2onnx cannot be installed: {done.stderr.strip().splitlines()[-1]}")


def _pyfunc(way: Way) -> Answer:
    import mlflow

    registry, version = _registered(way.variant)
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{registry.model_name}/{version.number}")
    labels = _labels(registry.folder(version))
    return lambda texts: model.predict(texts)[labels].to_numpy()


def _artifact(way: Way) -> Answer:
    """The time is that of `classify`, so the answer's form is changed only where it is looked at."""
    from registry.model.artifact import Artifact

    registry, version = _registered(way.variant)
    artifact = Artifact.load(registry.folder(version))
    return lambda texts: np.array([list(row.probabilities.values()) for row in artifact.classify(texts)])


def _tokenizer(way: Way) -> Callable[[list[str]], dict[str, np.ndarray]]:
    """Texts to the network's inputs."""
    from registry.model.tokenizer import Tokenizer, stack

    tokenizer = Tokenizer.from_json((ROOT / "build" / way.variant / "model/tokenizer.json").read_text())
    return lambda texts: stack(tokenizer.encode_all(texts))


def _graph(way: Way) -> Answer:
    from registry.model.artifact import Artifact

    registry, version = _registered(way.variant)
    session = Artifact.load(registry.folder(version)).session
    return lambda ids: session.run(None, ids)[0]


def _labels(folder: Path) -> list[str]:
    from registry.model import artifact

    return artifact.read(folder)[0]["labels"]


def _registered(variant: str) -> tuple[Any, Any]:
    """The registry, and its newest version of the variant. Raises SystemExit where there is none."""
    from registry.quick import QuickRegistry
    from registry.settings import RegistrySettings

    settings = RegistrySettings()
    registry = QuickRegistry(settings.model_name, settings.mlflow_tracking_uri)
    for version in registry.versions():
        if version.variant == variant:
            return registry, version
    raise SystemExit(f"no version of {variant} is registered; `dvc repro` registers it")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.inference", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each subject and size in a round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for figure in measure(args.seconds, args.rounds):
        if isinstance(figure, Absent):
            print(f"{figure.table}: {figure.subject}: {figure.why}", flush=True)
        else:
            print(f"{figure.table}: {figure.row}: {figure.subject}: {figure.value:,.3f} {figure.unit}", flush=True)


if __name__ == "__main__":
    main()
