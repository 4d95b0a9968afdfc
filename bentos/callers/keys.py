"""API keys. A caller who sends a key is logged under the key's name.

`API_KEYS_FILE` names a file with one line for each key, `NAME:SHA-256`, the digest in hex. The key itself is stored
nowhere. It has 256 random bits, so a fast digest is enough. A name may have several keys, to replace one without a gap.
"""

import hmac
import logging
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from bentos.settings import SettingsError

NAME = re.compile(r"(?!local:)[A-Za-z][A-Za-z0-9._-]{0,63}:")  # no address looks like it
LINE = re.compile(NAME.pattern + r"[0-9a-f]{64}")
PREFIX = "spam_"  # lets people and secret scanners recognise a key

logger = logging.getLogger(__name__)


class Keys:
    """The keys of a file, read again when it changes. If it is broken then, the keys stay as they were."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError."""
        self.path = path
        self._stamp = _stamp(path)
        self._names = read_keys(path)
        if not self._names:
            logger.warning("%s holds no key: every call is refused", path)

    def name_of(self, key: bytes) -> str | None:
        """The name of a key, or None. All known keys are compared, so that the time taken reveals nothing."""
        self._refresh()
        digest = sha256(key).digest()
        match = None
        for known, name in self._names:
            if hmac.compare_digest(known, digest):
                match = name
        return match

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._names = read_keys(self.path)
        except SettingsError as error:
            logger.error("the API keys stay what they were: %s", error)
        else:
            logger.warning("%s has changed: %d keys", self.path, len(self._names))


def read_keys(path: Path) -> list[tuple[bytes, str]]:
    """Digests and names. Raises SettingsError, which says which line is wrong and quotes nothing of it."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"API_KEYS_FILE: cannot read {path}: {reason}") from None
    names: dict[bytes, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        if not LINE.fullmatch(line):
            raise SettingsError(
                f"API_KEYS_FILE: {path}, line {number} is not NAME:SHA-256; `python -m bentos key NAME`"
            )
        name, _, digest = line.partition(":")
        if names.setdefault(bytes.fromhex(digest), name) != name:
            raise SettingsError(f"API_KEYS_FILE: {path}, line {number} is another name's key")
    return list(names.items())


def new_key(name: str) -> tuple[str, str]:
    """A key and its line in the file. Raises SettingsError for an invalid name."""
    if not NAME.fullmatch(f"{name}:"):
        raise SettingsError("a key's name is a letter, then up to 63 letters, digits, `.`, `_` or `-`, and not `local`")
    key = PREFIX + secrets.token_urlsafe(32)
    return key, f"{name}:{sha256(key.encode()).hexdigest()}"


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
