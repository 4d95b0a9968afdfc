"""Binary tensors are read and written as Triton's own client does, and what they cannot be is said."""

import struct

import numpy as np
import pytest
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from bentos.errors import CallError
from bentos.http.oip.binary import read_texts, split_body, write_floats, write_texts

TEXTS = ["free prize", "🎁 später", "a"]


def text(value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<I", len(value) if length is None else length) + value


def test_texts_are_the_bytes_of_tritons_client():
    packed = serialize_byte_tensor(np.array(TEXTS, dtype=object)).item()
    assert read_texts(packed, 3) == TEXTS and write_texts(TEXTS) == packed
    assert [value.decode() for value in deserialize_bytes_tensor(write_texts(TEXTS))] == TEXTS
    assert read_texts(b"", 3) == [] and read_texts(text(b""), 3) == [""]


def test_floats_are_little_endian_and_of_four_bytes():
    assert np.frombuffer(write_floats([0.25, 1.0]), "<f4").tolist() == [0.25, 1.0]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\1\0", "ends 2 bytes into the length"),
        (text(b"free", 5), "a text of 5 bytes does not fit into the 4 bytes"),
        (text(b"free", 0xFFFFFFFF), "a text of 4294967295 bytes does not fit"),  # -1
        (text(b"a") + text(b"", 1), "a text of 1 bytes does not fit into the 0 bytes"),
        (text(b"a") + text(b"\xff"), "text 1 of the tensor is not UTF-8"),
        (text(b"\xed\xa0\x80"), "text 0 of the tensor is not UTF-8"),  # half a surrogate pair
        (text(b"") * 4, "more than 3 texts"),
    ],
)
def test_what_is_no_tensor_of_texts_is_refused(data, why):
    with pytest.raises(ValueError, match=why):
        read_texts(data, 3)


def test_the_json_is_as_long_as_the_header_says():
    assert split_body(b"{}raw", "2") == (b"{}", b"raw")
    assert split_body(b"{}", "2") == (b"{}", b"")


@pytest.mark.parametrize("header", ["", "-1", "+2", "2.0", "two", "٢", "6", "9" * 5_000])
def test_a_header_that_is_no_length_of_the_json_is_refused(header):
    with pytest.raises(CallError, match="Inference-Header-Content-Length") as caught:
        split_body(b"{}raw", header)
    assert caught.value.reason == "invalid_binary" and len(caught.value.detail) < 200
