"""The cache's first tier: predictions in the memory of a worker, in front of those in the store.

A prediction belongs to the content of a version and to a text, so one in here is never out of date. It is found by a
digest of both: no caller's text stays in memory, and every entry takes the same few bytes. A digest has a key of this
process, so nobody can prepare two texts that share one.
"""

import hashlib
import os
import struct
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from bentos.versions.loaded import LoadedVersion
from registry.model.artifact import Prediction

DIGEST_BYTES = 16
OVERHEAD = 216  # bytes that an entry takes beside its packed prediction, at most: a test measures it


class MemoryCache:
    """Keeps the predictions used last, in `most_bytes`; 0 keeps none. Belongs to one event loop.

    With a lifetime `ttl`, in seconds, it keeps only what the model has just said: nobody knows here how long a row of
    the store has been there.
    """

    def __init__(self, most_bytes: int, ttl: int = 0) -> None:
        self.most_bytes = most_bytes
        self.ttl = ttl
        self.bytes = 0
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()  # used last at the end
        self._key = os.urandom(16)

    def get(self, version: LoadedVersion, texts: Sequence[str]) -> dict[str, Prediction]:
        """The predictions that it has; what it has not is absent."""
        found = {}
        for text in texts if self._entries else ():
            digest = self._digest(version, text)
            if (entry := self._entries.get(digest)) is not None:
                prediction, stored_at = _unpack(entry, version)
                if not self.ttl or time.monotonic() - stored_at < self.ttl:
                    found[text] = prediction
                    self._entries.move_to_end(digest)
        return found

    def put_read(self, version: LoadedVersion, predictions: Mapping[str, Prediction]) -> None:
        """Keep what the store has given."""
        if not self.ttl:
            self.put(version, predictions)

    def put(self, version: LoadedVersion, predictions: Mapping[str, Prediction]) -> None:
        """Keep what the model has said."""
        for text, prediction in predictions.items() if self.most_bytes else ():
            digest = self._digest(version, text)
            if known := self._entries.pop(digest, None):
                self.bytes -= _size(known)
            self._entries[digest] = entry = _pack(prediction, version)
            self.bytes += _size(entry)
        while self.bytes > self.most_bytes:
            self.bytes -= _size(self._entries.popitem(last=False)[1])

    def _digest(self, version: LoadedVersion, text: str) -> bytes:
        content = f"{version.key}\0{text}".encode(errors="surrogatepass")
        return hashlib.blake2b(content, digest_size=DIGEST_BYTES, key=self._key).digest()


def _pack(prediction: Prediction, version: LoadedVersion) -> bytes:
    """Bytes, which the garbage collector need not look at: a hundred thousand dictionaries would stall requests."""
    values = [prediction.probabilities[label] for label in version.model.labels]
    return struct.pack(f"<d?{len(values)}d", time.monotonic(), prediction.unfamiliar, *values)


def _unpack(entry: bytes, version: LoadedVersion) -> tuple[Prediction, float]:
    labels = version.model.labels
    stored_at, unfamiliar, *values = struct.unpack(f"<d?{len(labels)}d", entry)
    return Prediction(dict(zip(labels, values, strict=True)), unfamiliar), stored_at


def _size(entry: bytes) -> int:
    return OVERHEAD + len(entry)
