"""A model version on disk: a self-contained folder that predicts with onnxruntime and nothing heavier.

| file | what |
| --- | --- |
| model.onnx | the tokenizer's inputs, int32 (n, longest), right-padded with 0 -> probabilities, float32 (n, labels) |
| tokenizer.json | scheme, max_tokens, vocabulary, buckets |
| metadata.json | format, labels, digest, variant, and where it came from |
| evaluation/ | metrics and test predictions, put beside the model when the version is registered |
| card.md, figures/ | its model card, written then |
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from registry.model.tokenizer import Tokenizer, stack

FORMAT = 2  # also of the rules that turn a text into ids: it changes whenever an old model would read texts anew
DECIMALS = 6  # of an answered probability: a float32 survives this rounding, so a stored answer reads back the same
CHUNK = 64  # texts a run of the graph: bounds memory on long lists and keeps padding short


class ArtifactError(Exception):
    """The folder is not a model version that can be served; the message says which file and why."""


def digest_of(onnx: bytes, tokenizer: bytes, labels: Sequence[str]) -> str:
    """SHA-256, in hex, of all that decides a prediction."""
    parts = (onnx, tokenizer, json.dumps([FORMAT, *labels]).encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def write(folder: Path, onnx: bytes, tokenizer: Tokenizer, labels: Sequence[str], about: dict[str, Any]) -> str:
    """Write a version into `folder`, with `about` (variant, corpus, code...) in its metadata; return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    cut = tokenizer.to_json().encode()
    digest = digest_of(onnx, cut, labels)
    (folder / "model.onnx").write_bytes(onnx)
    (folder / "tokenizer.json").write_bytes(cut)
    metadata = {"format": FORMAT, "labels": list(labels), "digest": digest, **about}
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")
    return digest


@dataclass(frozen=True)
class Artifact:
    """A loaded version. Safe to call from several threads at once."""

    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    digest: str
    metadata: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "Artifact":
        """Read the folder and check its digest.

        Raises ArtifactError when a file is missing, damaged, of another format, or not what the digest names.
        """
        try:
            metadata = json.loads((folder / "metadata.json").read_bytes())
            onnx = (folder / "model.onnx").read_bytes()
            cut = (folder / "tokenizer.json").read_bytes()
            if metadata["format"] != FORMAT:
                raise ArtifactError(f"{folder}: format {metadata['format']}, this program reads {FORMAT}")
            if metadata["digest"] != (found := digest_of(onnx, cut, metadata["labels"])):
                raise ArtifactError(f"{folder}: damaged, its digest is {found}, not {metadata['digest']}")
            tokenizer = Tokenizer.from_json(cut)
            session = onnxruntime.InferenceSession(onnx, _session_options(), providers=["CPUExecutionProvider"])
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot read {error.filename}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{folder}: not a model version: {error!r}") from error
        return cls(session, tokenizer, tuple(metadata["labels"]), metadata["digest"], metadata)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 (texts, labels), each row summing to 1, in the order of the texts."""
        rows = [self.tokenizer.encode(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda i: len(texts[i]))  # alike lengths together: little padding
        out = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            (out[chunk],) = self.session.run(None, stack([rows[i] for i in chunk]))
        return out

    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Each text's {label: probability}, rounded as answers are."""
        return [
            {label: round(float(p), DECIMALS) for label, p in zip(self.labels, row, strict=True)}
            for row in self.probabilities(texts)
        ]


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a text takes a fraction of a millisecond: waking a second thread costs more
    options.inter_op_num_threads = 1
    return options
