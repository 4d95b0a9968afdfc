"""API keys: the command that makes them, the file that holds their digests, and calls with and without one."""

import os
import stat
import sys
from dataclasses import replace

import pytest

from bentos.__main__ import main
from bentos.callers.keys import Keys, new_key
from bentos.http.app import create_app
from bentos.settings import HOME, SettingsError
from tests.bentos.conftest import client_of

OPEN = (
    "/livez",
    "/readyz",
    "/metrics",
    "/docs",
    "/docs/swagger-ui.css",
    "/web/page.js",
    "/openapi.json",
    "/v2/health/ready",
)
CLOSED = ("/", "/prediction?text=free", "/recent_log", "/versions", "/v2", "/v2/models/sms-spam", "/nowhere", "/livez/")


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def name_of(keys: Keys, key: str) -> str | None:
    caller = keys.caller_of(key.encode())
    return caller and caller.name


@pytest.fixture
def made() -> dict:
    """The keys of two callers, and the lines that stand for them."""
    return {name: new_key(name) for name in ("web", "batch")}


@pytest.fixture
def file(tmp_path, made):
    return write(tmp_path / "keys", "# callers", "", *(line for _, line in made.values()))


@pytest.fixture
def app(service, file):
    return create_app(replace(service, keys=Keys(file)))


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    def run(*words, **settings) -> str:
        """What it prints: stdout, stderr and, where it fails, the reason."""
        for name, value in {HOME: str(tmp_path), **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["bentos", *words])
        main()
        return capsys.readouterr()

    return run


def test_the_command_prints_a_key_and_keeps_only_its_digest(tmp_path, command):
    path = tmp_path / "new"
    first = command("key", "web", API_KEYS_FILE="new").out.strip()
    path.write_text(path.read_text().rstrip("\n"))  # as some editors leave it
    second = command("key", "batch", API_KEYS_FILE="new").out.strip()
    keys = Keys(path)
    assert [name_of(keys, key) for key in (first, second)] == ["web", "batch"]
    assert first not in path.read_text() and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_the_command_says_which_line_to_put_where(tmp_path, command):
    said = command("key", "web", API_KEYS_FILE="")
    assert "API_KEYS_FILE" in said.err
    path = write(tmp_path / "keys", said.err.split()[-1])
    assert name_of(Keys(path), said.out.strip()) == "web"


@pytest.mark.parametrize("name", ["", "local", "10.0.0.1", "::1", "fe80::1", "a:b", "a b", "é", "a" * 65, "-a"])
def test_a_name_that_could_be_an_address_or_is_none_is_refused(command, name):
    with pytest.raises(SystemExit, match="a key's name is"):
        command("key", "--", name)


@pytest.mark.parametrize("text", ["web:secret", "web", "web:" + "G" * 64, ":" + "a" * 64, "10.0.0.1:" + "a" * 64])
def test_a_broken_file_is_named_with_its_line_and_not_repeated(tmp_path, text):
    with pytest.raises(SettingsError, match=r"API_KEYS_FILE: .*keys, line 2") as caught:
        Keys(write(tmp_path / "keys", "# keys", text))
    assert text not in str(caught.value)


def test_a_key_cannot_have_two_names_or_rights_of_two_kinds(tmp_path, made):
    line = made["web"][1]
    for other in (line.replace("web", "batch"), f"{line}:predict,review"):
        with pytest.raises(SettingsError, match="line 2"):
            Keys(write(tmp_path / "keys", line, other))


@pytest.mark.parametrize(
    ("written", "rights"),
    [
        ("", {"predict"}),
        (":predict", {"predict"}),
        (":review", {"review"}),
        (":operate, predict,review", {"predict", "review", "operate"}),
    ],
)
def test_a_line_names_what_its_key_is_good_for(tmp_path, made, written, rights):
    key, line = made["web"]
    assert Keys(write(tmp_path / "keys", line + written)).caller_of(key.encode()) == ("web", rights)


@pytest.mark.parametrize("written", [":", ":root", ":predict,", ":predict:review", ":Predict", ":predict review"])
def test_an_unknown_right_is_told_with_its_line_and_those_that_there_are(tmp_path, made, written):
    with pytest.raises(SettingsError, match=r"line 2: there is no such right.*predict, review, operate") as caught:
        Keys(write(tmp_path / "keys", "# keys", made["web"][1] + written))
    assert made["web"][1] not in str(caught.value), "nothing of the line is repeated"


def test_a_name_may_have_keys_with_different_rights(tmp_path):
    (one, first), (other, second) = new_key("web"), new_key("web", frozenset({"review", "operate"}))
    assert second.endswith(":review,operate") and first.count(":") == 1, "which older services read, too"
    keys = Keys(write(tmp_path / "keys", first, second))
    found = [keys.caller_of(key.encode()) for key in (one, other)]
    assert found == [("web", {"predict"}), ("web", {"review", "operate"})]


def test_the_command_makes_keys_with_rights_and_lists_them_without_what_they_are(tmp_path, command):
    words = (["web"], ["web"], ["bea", "--rights", "review"])
    keys = [command("key", *more, API_KEYS_FILE="new").out.strip() for more in words]
    assert command("key", API_KEYS_FILE="new").out == "web: predict (2 keys)\nbea: review\n"
    assert Keys(tmp_path / "new").caller_of(keys[2].encode()) == ("bea", {"review"})


@pytest.mark.parametrize(
    ("words", "file", "why"),
    [
        (["key"], "", "API_KEYS_FILE names no file"),
        (["key"], "nowhere", "cannot read"),
        (["key", "--rights", "review"], "", "say whose key"),
        (["key", "web", "--rights", "root"], "", "2"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(command, words, file, why):
    with pytest.raises(SystemExit, match=why):
        command(*words, API_KEYS_FILE=file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    if content:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(SettingsError, match="API_KEYS_FILE: cannot read"):
        Keys(tmp_path / "keys")


def test_the_file_counts_as_it_is_now_and_a_broken_one_changes_nothing(file, made, caplog):
    keys = Keys(file)
    (web, line), (batch, _) = made["web"], made["batch"]
    write(file, line)
    assert (name_of(keys, web), name_of(keys, batch)) == ("web", None)
    write(file, line, "broken")
    assert name_of(keys, web) == "web" and "line 2" in caplog.text
    file.unlink()
    assert name_of(keys, web) == "web" and "cannot read" in caplog.text
    replacement = write(file.with_name("other"), made["batch"][1])
    os.replace(replacement, file)
    assert (name_of(keys, web), name_of(keys, batch)) == (None, "batch")
    write(file)
    assert name_of(keys, batch) is None


@pytest.mark.anyio
async def test_without_a_key_only_what_says_nothing_of_callers_is_answered(client):
    for path in OPEN:
        assert (await client.get(path)).status_code == 200, path
    for path in CLOSED:
        response = await client.get(path)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="sms-spam"'), path
        assert "Authorization: Bearer" in str(response.json()), path
    assert (await client.get("/v2")).json().keys() == {"error"}
    assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 200
    assert (await client.post("/v2/models/sms-spam/infer", content=b"{")).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize(
    "header", [("Authorization", "Bearer {}"), ("authorization", "bearer  {}"), ("X-API-Key", "{}")]
)
async def test_a_key_is_called_by_its_name(client, made, header):
    name, form = header
    response = await client.get("/", headers={name: form.format(made["web"][0])})
    assert response.json()["caller_id"] == "web"


@pytest.mark.anyio
async def test_a_wrong_key_is_refused_and_not_repeated(client, made):
    key = made["web"][0]
    for sent in (
        {"X-API-Key": "nothing"},
        {"X-API-Key": key[:-1]},
        {"X-API-Key": made["web"][1].partition(":")[2]},
        {"Authorization": f"Bearer {key}x"},
    ):
        response = await client.get("/recent_log", headers=sent)
        assert response.status_code == 401 and 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        assert key[:10] not in response.text
    for sent in ({"Authorization": f"Basic {key}"}, {"X-API-Key": key, "Authorization": f"Bearer {made['batch'][0]}"}):
        assert (await client.get("/recent_log", headers=sent)).status_code == 401


@pytest.mark.anyio
async def test_callers_see_their_own_log_from_wherever_they_call(app, made):
    web, batch = ({"X-API-Key": made[name][0]} for name in ("web", "batch"))
    async with client_of(app, "10.0.0.1") as one, client_of(app, "10.0.0.2") as other:
        await one.get("/prediction", params={"text": "from web"}, headers=web)
        await one.get("/prediction", params={"text": "from batch"}, headers=batch)
        assert [row["input"] for row in (await other.get("/recent_log", headers=web)).json()] == ["from web"]
        assert [row["input"] for row in (await one.get("/recent_log", headers=batch)).json()] == ["from batch"]


@pytest.mark.anyio
async def test_a_revoked_key_is_refused_at_once(client, file, made):
    sent = {"X-API-Key": made["web"][0]}
    assert (await client.get("/versions", headers=sent)).status_code == 200
    write(file, made["batch"][1])
    assert (await client.get("/versions", headers=sent)).status_code == 401


@pytest.mark.anyio
async def test_the_document_says_where_a_key_is_needed(client):
    document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    assert document["security"] == [{"bearer": []}, {"header": []}]
    open_paths = {
        path for path, ops in document["paths"].items() if ops["get" if "get" in ops else "post"].get("security") == []
    }
    assert open_paths == {"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
    refusals = document["paths"]["/prediction"]["post"]["responses"]
    assert "401" in refusals and "`predict`" in refusals["403"]["description"]
    assert "403" not in document["paths"]["/"]["get"]["responses"]
