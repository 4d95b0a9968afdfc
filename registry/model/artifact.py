"""A model version on disk: a self-contained folder that predicts with onnxruntime and nothing heavier.

| file | content |
| --- | --- |
| model.onnx | inputs of the tokenizer, int32 (n, longest), padded right with 0 -> probabilities, float32 (n, labels); \
and `known`, float32 (n,), where the model can tell the known share of a text (`Artifact.run`) |
| tokenizer.json | normaliser, scheme, max_tokens, vocabulary, buckets |
| metadata.json | format, labels, decision, digest, variant, the corpus and the code that it came from |
| evaluation/ | metrics and test predictions, added when the version is published |
| card.md, figures/, report.html | its model card and its report, added then too |
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from registry.model.decision import Decision, MostProbable
from registry.model.tokenizer import Encoded, Tokenizer, stack

if TYPE_CHECKING:
    import onnxruntime  # imported by what loads a version: who checks or copies one needs no runtime

FORMAT = 2  # of the files; how a text is read has names of its own in tokenizer.json
DECIMALS = 6  # of an answered probability: rounded so, it is the same after it was stored as a float32
METADATA, GRAPH, TOKENIZER = "metadata.json", "model.onnx", "tokenizer.json"
FILES = (METADATA, GRAPH, TOKENIZER)  # all that a prediction depends on
Stamps = tuple[tuple[int, int, int] | None, ...]  # inode, size and time of change of each file; None: it is missing
CHUNK = 64  # texts a run of the graph: bounds memory on long lists and keeps padding short


class ArtifactError(Exception):
    """The folder holds no model version that can be served; the message names the file and the reason."""


class Prediction(NamedTuple):
    """The rounded probability of each label, and whether the text is unlike all that the model has learnt."""

    probabilities: dict[str, float]
    unfamiliar: bool = False


def digest_of(onnx_sha256: bytes, tokenizer: bytes, labels: Sequence[str], decision: Decision | None = None) -> str:
    """SHA-256, in hex, of everything that an answer depends on; the graph's own comes ready made."""
    parts = [tokenizer, json.dumps([FORMAT, *labels]).encode()]
    if decision:  # versions of before there were any have none
        parts.append(decision.model_dump_json().encode())
    return hashlib.sha256(onnx_sha256 + b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def write(
    folder: Path,
    onnx: bytes,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    metadata: dict[str, Any],
    decision: Decision | None = None,
) -> str:
    """Write a version into `folder` and return its digest; `metadata` (variant, corpus, code) goes into its file."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer_json = tokenizer.to_json().encode()
    digest = digest_of(hashlib.sha256(onnx).digest(), tokenizer_json, labels, decision)
    (folder / GRAPH).write_bytes(onnx)
    (folder / TOKENIZER).write_bytes(tokenizer_json)
    decided = {"decision": decision.model_dump()} if decision else {}
    metadata = {"format": FORMAT, "labels": list(labels), **decided, "digest": digest, **metadata}
    (folder / METADATA).write_text(json.dumps(metadata, indent=2) + "\n")
    return digest


def read(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The metadata and the tokenizer in `folder`, whose digest is right. Raises ArtifactError.

    The graph, which is the largest part, is never in memory as a whole.
    """
    try:
        metadata_json, tokenizer_json = ((folder / name).read_bytes() for name in (METADATA, TOKENIZER))
        with (folder / GRAPH).open("rb") as graph:
            onnx_sha256 = hashlib.file_digest(graph, "sha256").digest()
        metadata = json.loads(metadata_json)
        if metadata["format"] != FORMAT:
            raise ArtifactError(f"{folder}: format {metadata['format']}, this program reads {FORMAT}")
        if metadata["digest"] != (
            digest := digest_of(onnx_sha256, tokenizer_json, metadata["labels"], decision_in(metadata))
        ):
            raise ArtifactError(f"{folder}: damaged, its digest is {digest}, not {metadata['digest']}")
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot read {error.filename}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder}: not a model version: {error!r}") from error
    return metadata, tokenizer_json


def decision_in(metadata: dict[str, Any]) -> Decision | None:
    """The operating point; None for a version of before there were any. Raises ValueError."""
    return Decision.model_validate(metadata["decision"]) if "decision" in metadata else None


def damage(folder: Path, digest: str) -> str:
    """Why the folder cannot be served as the version with this digest; empty when it can."""
    try:
        found = read(folder)[0]["digest"]
    except ArtifactError as error:
        return str(error)
    return "" if found == digest else f"{folder}: its digest is {found}, the registry says {digest}"


@dataclass(frozen=True)
class Artifact:
    """A loaded version; several threads may call it at once."""

    session: "onnxruntime.InferenceSession"
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    digest: str
    metadata: dict[str, Any]
    decision: Decision | MostProbable = MostProbable()  # noqa: RUF009 (it has no state)

    @classmethod
    def load(cls, folder: Path) -> "Artifact":
        """Read the folder and check its digest. Raises ArtifactError when a file is missing, damaged or not FORMAT."""
        before = stamps(folder)
        metadata, tokenizer_json = read(folder)
        try:
            decision = decision_in(metadata) or MostProbable()
            tokenizer = Tokenizer.from_json(tokenizer_json)
            session = _session(folder / GRAPH)
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{folder}: not a model version: {error!r}") from error
        if stamps(folder) != before:
            raise ArtifactError(f"{folder}: its files were changed while they were read")
        labels = tuple(metadata["labels"])
        return cls(session, tokenizer, labels, metadata["digest"], metadata, decision)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 (texts, labels), each row summing to 1, in the order of the texts."""
        return self.run(texts)[0]

    def run(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The probabilities, float32 (texts, labels), and the known share of each text, float32 (texts,).

        The known share is that of a text's character n-grams that a few messages of training had, or more
        (`pipelines.model.wide.COMMON`); 1 for a model without a wide part.
        """
        rows = self.tokenizer.encode_all(texts)
        order = sorted(range(len(rows)), key=lambda i: len(texts[i]))  # like lengths together need little padding
        probabilities = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        known = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            probabilities[chunk], known[chunk] = self._run_rows([rows[i] for i in chunk])
        return probabilities, known

    def _run_rows(self, rows: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
        probabilities, *known = self.session.run(None, stack(rows))
        return probabilities, known[0] if known else np.ones(len(rows), dtype=np.float32)

    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Each text's {label: probability}, rounded as answers are."""
        return [prediction.probabilities for prediction in self.classify(texts)]

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """Each text's rounded probabilities, and whether it is unfamiliar."""
        return self._predictions(*self.run(texts))

    def classify_each(self, texts: Sequence[str]) -> list[Prediction]:
        """As `classify` of each text alone, to the last bit: the order of a sum depends on how long the others are."""
        ran = [self._run_rows([row]) for row in self.tokenizer.encode_all(texts)]
        return [prediction for one in ran for prediction in self._predictions(*one)]

    def _predictions(self, probabilities: np.ndarray, known: np.ndarray) -> list[Prediction]:
        unfamiliar = (known < self.decision.familiar).tolist()
        rows = probabilities.tolist()
        return [Prediction(self.rounded(row), is_so) for row, is_so in zip(rows, unfamiliar, strict=True)]

    def unknown_share(self, text: str) -> float | None:
        """The share of the text's tokens that are not in the vocabulary; None where it is empty."""
        return self.tokenizer.unknown_share(text)

    def rounded(self, row: Sequence[float]) -> dict[str, float]:
        """{label: probability} of a row of probabilities, (labels,), rounded as answers are."""
        return {label: round(float(p), DECIMALS) for label, p in zip(self.labels, row, strict=True)}

    def label(self, row: np.ndarray) -> str:
        """The label that the version answers for a row of probabilities, (labels,)."""
        return self.decision.label(self.rounded(row))


def stamps(folder: Path) -> Stamps:
    """What differs after the folder's files were changed: three file system look-ups instead of reading them."""
    return tuple(_stamp(folder / name) for name in FILES)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _session(graph: Path) -> "onnxruntime.InferenceSession":
    """From the file: a session that is given its bytes keeps them beside the weights."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a text takes .2 ms: a second thread costs more than it saves
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has exception types of its own
        raise ValueError(error) from error
