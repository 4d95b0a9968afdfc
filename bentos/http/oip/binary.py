"""Binary tensors: the protocol's binary_tensor_data extension.

The JSON comes first, as long as the header `Inference-Header-Content-Length` says; the tensors' bytes follow it, little
endian and without padding. A text is its length in bytes, as an unsigned 32-bit integer, and its UTF-8.
"""

import struct
from collections.abc import Iterable, Iterator

from bentos.errors import CallError

HEADER = "Inference-Header-Content-Length"
MEDIA_TYPE = "application/octet-stream"
_LENGTH = struct.Struct("<I")
_MAX_DIGITS = 10  # of the header: far more than a body may have bytes, and far fewer than take long to read


def split_body(body: bytes, header: str) -> tuple[bytes, bytes]:
    """The JSON and what follows it. Raises CallError (invalid_binary)."""
    if not (header.isascii() and header.isdigit() and len(header) <= _MAX_DIGITS):
        raise _invalid(f"the header {HEADER} must be the number of bytes of the JSON, not {header[:50]!r}")
    length = int(header)
    if length > len(body):
        raise _invalid(f"the header {HEADER} says {length} bytes of JSON: the body has {len(body)} in all")
    return body[:length], body[length:]


def read_texts(data: bytes, limit: int) -> list[str]:
    """The texts of a BYTES tensor. Raises ValueError, for more than `limit` texts, too."""
    texts = []
    for value in _elements(data):
        if len(texts) == limit:
            raise ValueError(f"the tensor has more than {limit} texts")
        try:
            texts.append(value.decode())
        except UnicodeDecodeError as error:
            raise ValueError(f"text {len(texts)} of the tensor is not UTF-8: {error.reason}") from None
    return texts


def _elements(data: bytes) -> Iterator[bytes]:
    """The elements of a BYTES tensor. Raises ValueError where a length leads beyond the end."""
    start, end = 0, len(data)
    while start < end:
        if end - start < _LENGTH.size:
            raise ValueError(f"the tensor ends {end - start} bytes into the length of a text, which has {_LENGTH.size}")
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size
        if length > end - start:
            raise ValueError(f"a text of {length} bytes does not fit into the {end - start} bytes that are left")
        yield data[start : start + length]
        start += length


def write_texts(texts: Iterable[str]) -> bytes:
    """A BYTES tensor."""
    return b"".join(_LENGTH.pack(len(value)) + value for value in (text.encode() for text in texts))


def write_floats(values: list[float]) -> bytes:
    """An FP32 tensor."""
    return struct.pack(f"<{len(values)}f", *values)


def _invalid(detail: str) -> CallError:
    return CallError("invalid_binary", detail)
