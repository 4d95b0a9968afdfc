"""SHA-256, in hex, by which a corpus, code, weights and parameters are recognised; and DVC's MD5 of a file."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(file: Path) -> str:
    """As `sha256sum` prints it."""
    return sha256(file.read_bytes())


def md5_of_file(file: Path) -> str:
    """As dvc.lock has it."""
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def sha256_of_files(files: Iterable[Path]) -> str:
    """One hash over the files' contents in the order given; their names do not count."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def sha256_of_json(value: Any) -> str:
    return sha256(json.dumps(value).encode())
