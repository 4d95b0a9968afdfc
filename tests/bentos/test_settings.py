from pathlib import Path

import pytest

from bentos.settings import HOME, Settings, SettingsError, check_names, read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own, and nothing of this machine's settings."""
    monkeypatch.setenv(HOME, str(tmp_path))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(home, monkeypatch):
    (home / ".env").write_text("PORT=4000\nAPI_NAME=from file\n")
    monkeypatch.setenv("PORT", "5000")
    settings = read_settings()
    assert (settings.port, settings.api_name, settings.model_name) == (5000, "from file", "sms-spam")


def test_relative_paths_start_at_home_and_absolute_ones_stay(home, monkeypatch):
    monkeypatch.setenv("SPOOL_PATH", "/var/spool.db")
    settings = read_settings()
    assert (settings.sqlite_path, settings.spool_path) == (home / "spam.db", Path("/var/spool.db"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("CACHE_TIMEOUT", "soon"),
        ("CASSANDRA_CONSISTENCY", "some"),
        ("SERVED_VERSIONS", "latest:0"),
        ("SERVED_VERSIONS", "latest:two"),
        ("SERVED_VERSIONS", "1,,2"),
        ("POLL_INTERVAL", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("RATE_LIMIT", "many"),
        ("RATE_LIMIT", "0/minute"),
        ("MAX_CONCURRENCY", "-1"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        read_settings()


def test_no_secret_is_shown(monkeypatch):
    monkeypatch.setenv("CASSANDRA_PASSWORD", "hunter2")
    monkeypatch.setenv("ASTRA_DB_APPLICATION_TOKEN", "hunter2")
    assert "hunter2" not in repr(read_settings())


def test_a_file_that_is_no_text_is_named(home):
    (home / ".env").write_bytes(b"PORT=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env"):
        read_settings()


def test_the_example_explains_every_setting_and_shows_its_default(home, monkeypatch):
    example = (ROOT / ".env.example").read_text()
    for name in Settings.model_fields:
        assert f"\n{name.upper()}=" in example
    untouched = read_settings()
    (home / ".env").write_text(example)
    assert read_settings() == untouched


@pytest.mark.parametrize("name", ["API_KEY_FILE", "RATE_LIMITS", "CASSANDRA_TLS_CAS", "TRUSTED_PROXY"])
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_misspelt_name_that_would_have_protected_the_service_stops_it(home, monkeypatch, name, where):
    if where == ".env":
        (home / ".env").write_text(f"{name}=x\n")
    else:
        monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match=f"there is no setting {name}"):
        check_names()


def test_another_misspelt_name_is_told_with_the_right_one(home, monkeypatch):
    monkeypatch.setenv("CASANDRA_CONTACT_POINTS", "10.0.0.1")
    (home / ".env").write_text("worker=2\nDATA_MIRROR=/data\n")
    assert check_names() == [
        "there is no setting CASANDRA_CONTACT_POINTS: CASSANDRA_CONTACT_POINTS is meant, perhaps",
        "there is no setting WORKER: WORKERS is meant, perhaps",
    ]


def test_other_programs_variables_are_nobodys_business(monkeypatch):
    for name in ("PATH", "CASSANDRA_SERVICE_PORT", "MLFLOW_HTTP_REQUEST_TIMEOUT", "OTEL_SERVICE_NAME", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    assert check_names() == []


def test_two_databases_are_one_too_many(monkeypatch):
    monkeypatch.setenv("CASSANDRA_CONTACT_POINTS", "10.0.0.1")
    monkeypatch.setenv("ASTRA_DB_SECURE_BUNDLE_PATH", "bundle.zip")
    with pytest.raises(SettingsError, match="set one"):
        read_settings()
