"""Hashes that are stored, in MLflow and in pipelines/search/crossval.json: they must stay as they are."""

from pipelines.hashing import sha256, sha256_of_files, sha256_of_json

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def files(folder, **contents):
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def test_the_hash_of_bytes_and_of_json_is_plain_sha256():
    assert sha256(b"") == EMPTY
    assert sha256_of_json(["a", 1]) == sha256(b'["a", 1]')


def test_the_hash_of_files_depends_on_contents_and_order_alone(tmp_path):
    one, two, copy = files(tmp_path, one=b"1", two=b"2", copy=b"1")
    assert sha256_of_files([one, two]) == sha256_of_files([copy, two]) != sha256_of_files([two, one])
    assert sha256_of_files([]) == EMPTY


def test_bytes_that_move_from_one_file_to_the_next_change_the_hash(tmp_path):
    first, second, third, fourth = files(tmp_path, a=b"ab", b=b"c", c=b"a", d=b"bc")
    assert sha256_of_files([first, second]) != sha256_of_files([third, fourth])
