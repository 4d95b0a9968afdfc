"""API keys. A caller who sends a key is logged under the key's name.

`API_KEYS_FILE` names a file with one line for each key, `NAME:SHA-256` or `NAME:SHA-256:RIGHT,RIGHT`, the digest in
hex; without rights it is `predict` alone. The key itself is stored nowhere. It has 256 random bits, so a fast digest is
enough. A name may have several keys, to replace one without a gap, or with different rights.
"""

import hmac
import logging
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from bentos.callers.rights import PREDICT_ALONE, Caller, in_order, read_rights
from bentos.settings import SettingsError

NAME = re.compile(r"(?!local:)[A-Za-z][A-Za-z0-9._-]{0,63}:")  # no address looks like it
LINE = re.compile(rf"(?P<name>{NAME.pattern})(?P<digest>[0-9a-f]{{64}})(?P<rights>:.*)?")
PREFIX = "spam_"  # lets people and secret scanners recognise a key

logger = logging.getLogger(__name__)


class Keys:
    """The keys of a file, read again when it changes. If it is broken then, the keys stay as they were."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError."""
        self.path = path
        self._stamp = _stamp(path)
        self._callers = read_keys(path)
        if not self._callers:
            logger.warning("%s holds no key: every call is refused", path)

    def caller_of(self, key: bytes) -> Caller | None:
        """The holder of a key, or None. All known keys are compared, so that the time taken reveals nothing."""
        self._refresh()
        digest = sha256(key).digest()
        match = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                match = caller
        return match

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._callers = read_keys(self.path)
        except SettingsError as error:
            logger.error("the API keys stay what they were: %s", error)
        else:
            logger.warning("%s has changed: %d keys", self.path, len(self._callers))


def read_keys(path: Path) -> list[tuple[bytes, Caller]]:
    """Digests and their holders. Raises SettingsError, which says which line is wrong and quotes nothing of it."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"API_KEYS_FILE: cannot read {path}: {reason}") from None
    callers: dict[bytes, Caller] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            digest, caller = _read_line(line)
        except ValueError as error:
            raise SettingsError(f"API_KEYS_FILE: {path}, line {number}: {error}") from None
        if callers.setdefault(digest, caller) != caller:
            raise SettingsError(f"API_KEYS_FILE: {path}, line {number} is a key that has another name or other rights")
    return list(callers.items())


def _read_line(line: str) -> tuple[bytes, Caller]:
    """Raises ValueError."""
    parts = LINE.fullmatch(line)
    if not parts:
        raise ValueError("it is not NAME:SHA-256 or NAME:SHA-256:RIGHT,RIGHT; `python -m bentos key NAME`")
    rights = read_rights(parts["rights"][1:]) if parts["rights"] else PREDICT_ALONE
    return bytes.fromhex(parts["digest"]), Caller(parts["name"][:-1], rights)


def new_key(name: str, rights: frozenset[str] = PREDICT_ALONE) -> tuple[str, str]:
    """A key and its line in the file. Raises SettingsError for an invalid name."""
    if not NAME.fullmatch(f"{name}:"):
        raise SettingsError("a key's name is a letter, then up to 63 letters, digits, `.`, `_` or `-`, and not `local`")
    key = PREFIX + secrets.token_urlsafe(32)
    line = f"{name}:{sha256(key.encode()).hexdigest()}"
    return key, line if rights == PREDICT_ALONE else f"{line}:{','.join(in_order(rights))}"


def add_line(path: Path, line: str) -> None:
    """Append a line to the file; a missing file is created, readable by its owner only. Raises SettingsError."""
    if path.exists():
        read_keys(path)
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+") as file:
            text = file.read()
            file.write(("" if text.endswith("\n") or not text else "\n") + line + "\n")
    except OSError as error:
        raise SettingsError(f"API_KEYS_FILE: cannot write {path}: {error.strerror}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """A value that differs after any change of the file; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
