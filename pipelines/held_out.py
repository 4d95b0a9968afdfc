"""Trains candidates without some messages and predicts these: fold by fold, on all cores or on a Dask cluster.

Each fold is a job of its own for joblib. A job has its own seed and a fixed number of TensorFlow's threads, so its
predictions are the same bytes wherever it ran and in which order. An answer is kept in a file at once: after an
interruption only the folds without one are run.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import baseline, params, train
from pipelines.data import splits
from pipelines.data.slots import SLOTS
from pipelines.hashing import sha256_of_files, sha256_of_json
from pipelines.measure.folds import FoldPredictions
from pipelines.model.batches import probabilities

FOLDS = 5
BASELINE = "baseline"
ROOT = Path(__file__).parents[1]
DATA = [*sorted((ROOT / "pipelines/data").glob("*.py")), SLOTS]
READING = sorted((ROOT / "registry/model").glob("*.py"))  # how a text is read
CODE = [*train.CODE, *DATA, *READING, Path(baseline.__file__)]

Fold = tuple[int, int, np.ndarray, np.ndarray]  # repeat, fold, positions to train on, positions held out


class ClusterError(Exception):
    """The Dask cluster cannot run the folds; the message says why."""


def draw_folds(split: splits.Split, repeats: int, seed: int) -> Iterator[Fold]:
    """Folds that spread the labels evenly; each repeat holds out every message once."""
    for repeat in range(repeats):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (rest, held_out) in enumerate(folds.split(split.actual, split.actual, split.groups)):
            yield repeat, fold, rest, held_out


def leave_out_folds(split: splits.Split) -> Iterator[Fold]:
    """A fold for each origin of messages, in alphabetical order."""
    origins = np.array(split.origins, dtype=object)
    for fold, origin in enumerate(sorted(set(split.origins))):
        yield 0, fold, np.flatnonzero(origins != origin), np.flatnonzero(origins == origin)


def predict(candidate: params.Variant | None, rest: splits.Split, held_out: splits.Split, positive: int) -> dict:
    """Train on `rest`, predict `held_out`; None is the baseline."""
    if candidate is None:
        model = baseline.linear().fit(rest.texts, rest.actual)
        scores, predicted = baseline.scores(model, held_out.texts, positive), model.predict(held_out.texts)
    else:
        fitted = train.fit(candidate, rest)
        answers = probabilities(fitted.model, fitted.tokenizer.encode_all(held_out.texts))
        scores, predicted = answers[:, positive], answers.argmax(axis=1)
    return {"predicted": predicted.tolist(), "scores": scores.astype(float).tolist()}


@dataclass(frozen=True)
class Task:
    """One candidate without the messages of one fold. Its answer is in `file` if that has the same `key`."""

    candidate_name: str
    candidate: params.Variant | None
    repeat: int
    fold: int
    rest: np.ndarray
    held_out: np.ndarray
    file: Path
    key: str

    def answer(self) -> dict | None:
        """What `predict` gave for it, with the key and the seconds; None before it ran."""
        content = json.loads(self.file.read_text()) if self.file.exists() else {}
        return content if content.get("key") == self.key else None

    def keep(self, answer: dict) -> None:
        """Write the answer, whole or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"key": self.key, **answer}))
        os.replace(unfinished, self.file)


def tasks(
    name: str, candidate: params.Variant | None, split: splits.Split, folds: Sequence[Fold], out: Path
) -> list[Task]:
    """The candidate's tasks. It trains on those of a fold's messages that are from its corpora."""
    parameters = candidate.model_dump() if candidate else BASELINE
    code, found = sha256_of_files(CODE), []
    for repeat, fold, rest, held_out in folds:
        if candidate and candidate.corpora:
            rest = rest[np.isin(np.array(split.corpora)[rest], candidate.corpora)]
        if len(rest):
            key = sha256_of_json([parameters, code, [split.ids[i] for i in rest], [split.ids[i] for i in held_out]])
            file = out / name / f"{repeat}-{fold}.json"
            found.append(Task(name, candidate, repeat, fold, rest, held_out, file, key))
    return found


def run(tasks: Sequence[Task], split: splits.Split, positive: int, jobs: int = -1, dask: str | None = None) -> None:
    """Run the tasks that have no answer yet, `jobs` at a time (-1: one a core), or on the Dask cluster at this address.

    Each worker of a cluster needs the same code as is here. Raises ClusterError where it has other code, or where the
    cluster cannot be reached.
    """
    waiting = [task for task in tasks if task.answer() is None]
    if not waiting:
        return
    code = sha256_of_files(CODE)
    calls = (
        joblib.delayed(_run)(i, code, task.candidate, split.part(task.rest), split.part(task.held_out), positive)
        for i, task in enumerate(waiting)
    )
    with _progress(len(waiting)) as told, _cluster(dask):
        for i, answer in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs")(calls):
            waiting[i].keep(answer)
            told(waiting[i], answer["seconds"])


def predictions(tasks: Sequence[Task], split: splits.Split) -> dict[str, list[FoldPredictions]]:
    """The answers of tasks that ran, by candidate."""
    by_candidate: dict[str, list[FoldPredictions]] = {}
    for task in tasks:
        answer = task.answer()
        assert answer is not None, f"{task.file} was not run"
        predicted, scores = np.array(answer["predicted"]), np.array(answer["scores"])
        actual, calibrated = split.actual[task.held_out], task.candidate is not None
        by_candidate.setdefault(task.candidate_name, []).append(
            FoldPredictions(task.repeat, task.fold, actual, predicted, scores, calibrated, task.held_out)
        )
    return by_candidate


def _run(
    number: int, code: str, candidate: params.Variant | None, rest: splits.Split, held_out: splits.Split, positive: int
) -> tuple[int, dict]:
    if sha256_of_files(CODE) != code:
        raise ClusterError("a worker of the cluster has other code than this machine: install the same commit there")
    started = time.perf_counter()
    answer = predict(candidate, rest, held_out, positive)
    return number, {"seconds": round(time.perf_counter() - started, 1), **answer}


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Task, float], None]]:
    """A line for each task that ended and, in a terminal, one bar for all below them."""
    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn("crossval"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar, done = progress.add_task("", total=count), 0

        def tell(task: Task, seconds: float) -> None:
            nonlocal done
            done += 1
            progress.advance(bar)
            where = f"repeat {task.repeat}, fold {task.fold}"
            console.print(f"crossval: {done}/{count}: {task.candidate_name}, {where}: {seconds} s")

        yield tell


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Joblib's jobs run on the Dask cluster at this address, or on this machine if it is None."""
    if address is None:
        yield
        return
    try:
        from dask.distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterError('--dask needs the package distributed: `pip install "distributed>=2026.1"`') from error
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from error
    with client, joblib.parallel_config(backend="dask"):
        yield
