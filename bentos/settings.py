"""The service's settings: environment variables or lines of a `.env` file, each explained in `.env.example`."""

import os
import re
from difflib import get_close_matches
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from registry.settings import RegistrySettings

HOME = "BENTOS_HOME"  # names the folder of `.env` and of relative paths; the supervisor sets it for its workers

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]

ORIGINS = re.compile(r"\*|https?://[^/,\s]+(,https?://[^/,\s]+)*")
REDIS = re.compile(
    r"rediss?://([^@/?#\s]*@)?([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?(/\d*)?(\?\S*)?"
    r"|redis\+unix://([^@/?#\s]*@)?/[^?#\s]+(\?\S*)?"
)
POLICY = re.compile(r"aliases|all|latest:[1-9]\d*|[\w -]+(,[\w -]+)*")


def _policy(text: str) -> str:
    if not POLICY.fullmatch(text):
        raise ValueError("it is aliases, latest:N, all, or version numbers and aliases separated by commas")
    return text


def _proxies(text: str) -> str:
    for name in filter(None, map(str.strip, text.split(","))):
        if name != "unix":
            ip_network(name)
    return text


def _address(text: str) -> str:
    address = "127.0.0.1" if text == "localhost" else text
    try:
        ip_address(address)
    except ValueError:
        raise ValueError("it is an IP address of this machine, or 0.0.0.0 or :: for all of them") from None
    return address


def _port(value: object) -> object:
    """The port of `tcp://10.0.0.1:9042`, which Kubernetes sets in a pod beside a service named `cassandra`."""
    return value.rpartition(":")[2] if isinstance(value, str) and value.startswith("tcp://") else value


def _rate(text: str) -> str:
    if text:
        from limits import parse_many  # its import takes a tenth of a second

        if not all(limit.amount for limit in parse_many(text)):
            raise ValueError("a limit of 0 lets nobody call")
    return text


def _redis(secret: SecretStr) -> SecretStr:
    """No message shows any of it: it may have a password."""
    if uri := secret.get_secret_value():
        if not find_spec("redis"):
            raise ValueError("it needs the package redis: pip install 'sms-spam[redis]'")
        if not (REDIS.fullmatch(uri) and _can_connect(uri)):
            raise ValueError("it is redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss:// for TLS, or redis+unix:///PATH")
    return secret


def _can_connect(uri: str) -> bool:
    """Whether the client takes the address and its options; nothing is connected."""
    from redis.asyncio import ConnectionPool

    try:
        ConnectionPool.from_url(uri.replace("redis+unix:", "unix:", 1)).make_connection()
    except Exception:
        return False
    return True


def _origins(text: str) -> str:
    if text and not ORIGINS.fullmatch(text):
        raise ValueError("it is *, or origins as https://example.org, separated by commas")
    return text


class Settings(RegistrySettings):
    """One field for each setting. The environment wins over `.env`."""

    host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    port: Port = 3000
    workers: Annotated[int, Field(ge=1, le=64)] = 1  # processes that answer
    drain_seconds: Annotated[float, Field(ge=0)] = 5.0  # that a worker answers on after SIGTERM
    api_name: str = "sms-spam"
    mock_model: bool = False

    log_format: Literal["text", "json"] = "text"
    access_log: bool | None = None  # a line for each request; None: where the format is json
    log_texts: bool = False

    otel_traces_exporter: Literal["", "otlp", "console", "none"] = ""  # "": otlp where there is an endpoint
    otel_exporter_otlp_endpoint: str = ""

    api_keys_file: Path | None = None  # given, a call needs a key
    protect_operations: bool = False  # /metrics, reports and what is wrong are for keys with the right `operate`
    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = ""  # comma-separated addresses, networks, `unix`
    rate_limit: Annotated[str, AfterValidator(_rate)] = ""  # in the notation of the library `limits`
    rate_limit_storage: Annotated[SecretStr, AfterValidator(_redis)] = SecretStr("")  # a Redis that services share
    max_concurrency: Annotated[int, Field(ge=0)] = 256  # calls that a worker answers at once; 0 for no limit
    call_timeout: Seconds = 30.0  # that the model may take for one call
    review_share: Annotated[float, Field(ge=0, le=1)] = 0.001  # of the answered texts, drawn for a person to label
    review_per_hour: Annotated[int, Field(ge=0, le=10_000)] = (
        60  # questions that a worker asks, of each reason; 0: none
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] = ""  # comma-separated

    served_versions: Annotated[str, AfterValidator(_policy)] = "aliases"
    poll_interval: Seconds = 5.0  # between two looks at the registry
    require_verdict: bool = True  # of the gate, or a recorded reason, for a version to be taken up as champion

    sqlite_path: Path = Path("spam.db")

    cassandra_contact_points: str = ""  # comma-separated hosts; any makes Cassandra the store
    cassandra_port: Annotated[Port, BeforeValidator(_port)] = 9042
    cassandra_keyspace: str = "sms_spam"
    cassandra_local_dc: str = "datacenter1"
    cassandra_username: str = ""
    cassandra_password: SecretStr = SecretStr("")
    cassandra_tls_ca: Path | None = None  # a PEM file; given, every connection is TLS and checked against it
    cassandra_replication: str = "1"  # a factor, or DC=FACTOR,DC=FACTOR for NetworkTopologyStrategy
    cassandra_consistency: Literal["ONE", "TWO", "QUORUM", "LOCAL_ONE", "LOCAL_QUORUM", "EACH_QUORUM", "ALL"] = (
        "LOCAL_QUORUM"
    )

    astra_db_secure_bundle_path: Path | None = None  # given, Astra DB is the store
    astra_db_application_token: SecretStr = SecretStr("")
    astra_db_keyspace: str = "sms_spam"

    cassandra_start_timeout: Annotated[float, Field(ge=0)] = 5.0  # seconds that the start waits for either database
    start_anyway: bool = False  # in spite of a database that refuses

    cache_memory: Annotated[int, Field(ge=0)] = 8  # MiB of predictions in each worker's memory; 0 keeps none
    cache_timeout: Seconds = 0.1  # the most a request waits for the cache
    cache_ttl: Annotated[int, Field(ge=0)] = 0  # seconds; 0 keeps predictions for ever
    log_ttl: Annotated[int, Field(ge=0)] = 30 * 24 * 3600  # seconds; 0 keeps the log for ever
    feedback_ttl: Annotated[int, Field(ge=0)] = 0  # seconds; 0 keeps corrections for ever
    spool_path: Path = Path("spool.db")  # rows that wait for an unreachable database
    versions_path: Path = Path("versions")  # copies of the served versions

    @property
    def url(self) -> str:
        """Where a caller on this machine finds the service; every address of the machine includes loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @model_validator(mode="after")
    def _one_database(self) -> "Settings":
        if self.cassandra_contact_points and self.astra_db_secure_bundle_path:
            raise ValueError("CASSANDRA_CONTACT_POINTS and ASTRA_DB_SECURE_BUNDLE_PATH name two databases: set one")
        return self

    @model_validator(mode="after")
    def _operators_have_keys(self) -> "Settings":
        if self.protect_operations and not self.api_keys_file:
            raise ValueError("PROTECT_OPERATIONS needs API_KEYS_FILE: only a key can have the right `operate`")
        return self


class SettingsError(Exception):
    """A setting has a value that cannot be used. The message names the variable, never its value."""


def read_settings() -> Settings:
    """The settings of this process, relative paths taken from the folder in `BENTOS_HOME`, or else the current one.

    Raises SettingsError.
    """
    home = Path(os.environ.get(HOME, ".")).absolute()
    try:
        settings = Settings(_env_file=home / ".env")
    except ValidationError as error:
        problems = "; ".join(": ".join(filter(None, (_variable(e), e["msg"]))) for e in error.errors())
        raise SettingsError(f"wrong setting, {problems}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {home / '.env'}: {error}") from None
    return settings.model_copy(update={name: home / value for name, value in settings if isinstance(value, Path)})


def check_names() -> list[str]:
    """A warning for each variable, in the environment or `.env`, whose name is nearly that of a setting not given.

    Names that Kubernetes makes of its services are nobody's. Raises SettingsError where the setting meant would have
    protected the service: without it, it is open.
    """
    home = Path(os.environ.get(HOME, "."))
    variables = [*dotenv_values(home / ".env").items(), *os.environ.items()]
    given = {name.upper() for name, value in variables if value}
    warnings = []
    for name in sorted(name for name in given - KNOWN_NAMES if not OF_A_SERVICE.search(name)):
        for meant in get_close_matches(name, KNOWN_NAMES - given, n=1, cutoff=SIMILAR):
            sentence = f"there is no setting {name}: {meant} is meant, perhaps"
            if meant in PROTECTING:
                raise SettingsError(f"{sentence}; the service does not start without what it protects")
            warnings.append(sentence)
    return warnings


def _variable(problem: ErrorDetails) -> str:
    return ".".join(map(str, problem["loc"])).upper()


KNOWN_NAMES = {name.upper() for name in Settings.model_fields} | {"DATA_MIRROR"}
PROTECTING = {
    *("API_KEYS_FILE", "PROTECT_OPERATIONS", "TRUSTED_PROXIES", "CORS_ORIGINS"),
    *("RATE_LIMIT", "RATE_LIMIT_STORAGE", "MAX_CONCURRENCY"),
    *("CASSANDRA_TLS_CA", "CASSANDRA_USERNAME", "CASSANDRA_PASSWORD"),
}
OF_A_SERVICE = re.compile(r"_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")
SIMILAR = 0.85  # of difflib's ratio: API_KEY_FILE and API_KEYS_FILE have 0.96, CASSANDRA_SERVICE_PORT and _PORT 0.78
