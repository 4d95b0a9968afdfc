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
        ("HOST", "example.org"),
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
        ("RATE_LIMIT_STORAGE", "memcached://10.0.0.1"),
        ("RATE_LIMIT_STORAGE", "redis://:hunter2@10.0.0.1:port"),
        ("RATE_LIMIT_STORAGE", "redis://:hunter2:6379"),
        ("RATE_LIMIT_STORAGE", "redis://10.0.0.1/0?password=hunter2&colour=red"),
        ("MAX_CONCURRENCY", "-1"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as raised:
        read_settings()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        "redis://10.0.0.1",
        "rediss://user:hunter2@redis.example:6380/1?ssl_ca_certs=/etc/ca.pem",
        "redis://[2001:db8::1]:6379",
        "redis+unix://:hunter2@/run/redis.sock?db=1",
    ],
)
def test_a_storage_of_rate_limits_is_a_redis(monkeypatch, uri):
    monkeypatch.setenv("RATE_LIMIT_STORAGE", uri)
    assert read_settings().rate_limit_storage.get_secret_value() == uri


def test_a_storage_without_its_package_is_told(monkeypatch):
    monkeypatch.setenv("RATE_LIMIT_STORAGE", "redis://10.0.0.1")
    monkeypatch.setattr("bentos.settings.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"RATE_LIMIT_STORAGE.*package redis.*sms-spam\[redis\]"):
        read_settings()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:3000"),
        ("localhost", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("192.0.2.7", "http://192.0.2.7:3000"),
        ("::1", "http://[::1]:3000"),
    ],
)
def test_the_url_is_one_that_this_machine_reaches(monkeypatch, host, url):
    monkeypatch.setenv("HOST", host)
    assert read_settings().url == url


def test_no_secret_is_shown(monkeypatch):
    monkeypatch.setenv("CASSANDRA_PASSWORD", "hunter2")
    monkeypatch.setenv("ASTRA_DB_APPLICATION_TOKEN", "hunter2")
    monkeypatch.setenv("RATE_LIMIT_STORAGE", "redis://:hunter2@10.0.0.1")
    assert "hunter2" not in repr(read_settings())


def test_operations_are_protected_by_keys(monkeypatch):
    monkeypatch.setenv("PROTECT_OPERATIONS", "true")
    with pytest.raises(SettingsError, match="PROTECT_OPERATIONS needs API_KEYS_FILE"):
        read_settings()
    monkeypatch.setenv("API_KEYS_FILE", "keys")
    assert read_settings().protect_operations


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


@pytest.mark.parametrize(
    "name", ["API_KEY_FILE", "PROTECT_OPERATION", "RATE_LIMITS", "CASSANDRA_TLS_CAS", "TRUSTED_PROXY"]
)
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


SURROUNDINGS = """
PATH HOME HOSTNAME PWD OLDPWD SHLVL LANG LC_ALL TERM SHELL USER LOGNAME TZ EDITOR PYTHONPATH VIRTUAL_ENV TMPDIR
CI GITHUB_ACTIONS GITHUB_WORKSPACE RUNNER_TEMP GITLAB_CI CI_JOB_ID CI_PROJECT_DIR CI_REGISTRY BUILD_NUMBER JENKINS_URL
KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS KUBERNETES_PORT KUBERNETES_PORT_443_TCP
KUBERNETES_PORT_443_TCP_PROTO POD_NAME POD_NAMESPACE NODE_NAME SMS_SPAM_SERVICE_HOST SMS_SPAM_SERVICE_PORT SMS_SPAM_PORT
SMS_SPAM_PORT_3000_TCP_ADDR CASSANDRA_SERVICE_HOST CASSANDRA_SERVICE_PORT CASSANDRA_SERVICE_PORT_CQL
CASSANDRA_PORT_9042_TCP CASSANDRA_PORT_9042_TCP_PORT MLFLOW_SERVICE_PORT TRUSTED_PROXIES_SERVICE_PORT PORT_HTTP
MLFLOW_HTTP_REQUEST_TIMEOUT OTEL_SERVICE_NAME AWS_REGION AWS_ACCESS_KEY_ID HTTP_PROXY HTTPS_PROXY NO_PROXY
INVOCATION_ID NOTIFY_SOCKET JOURNAL_STREAM MALLOC_ARENA_MAX OMP_NUM_THREADS CUDA_VISIBLE_DEVICES
"""


def test_other_programs_variables_are_nobodys_business(monkeypatch):
    for name in SURROUNDINGS.split():
        monkeypatch.setenv(name, "x")
    assert check_names() == []


def test_a_name_beside_the_setting_that_it_resembles_is_no_misspelling(monkeypatch):
    monkeypatch.setenv("CASSANDRA_PASSWORD_FILE", "/run/secrets/password")
    monkeypatch.setenv("CASSANDRA_PASSWORD", "")  # empty is absent
    with pytest.raises(SettingsError, match="CASSANDRA_PASSWORD is meant"):
        check_names()
    monkeypatch.setenv("CASSANDRA_PASSWORD", "secret")
    assert check_names() == []


def test_the_port_that_kubernetes_makes_of_a_service_is_understood(monkeypatch):
    monkeypatch.setenv("CASSANDRA_PORT", "tcp://10.0.0.1:9043")
    assert read_settings().cassandra_port == 9043
    monkeypatch.setenv("CASSANDRA_PORT", "tcp://10.0.0.1")
    with pytest.raises(SettingsError, match="CASSANDRA_PORT"):
        read_settings()


def test_two_databases_are_one_too_many(monkeypatch):
    monkeypatch.setenv("CASSANDRA_CONTACT_POINTS", "10.0.0.1")
    monkeypatch.setenv("ASTRA_DB_SECURE_BUNDLE_PATH", "bundle.zip")
    with pytest.raises(SettingsError, match="set one"):
        read_settings()
