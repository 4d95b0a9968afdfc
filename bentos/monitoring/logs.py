"""The service's log on standard error: plain lines for people, or one JSON object a line for a log collector.

| logger | level | lines |
| --- | --- | --- |
| bentos.requests | INFO | one for each request, with ACCESS_LOG: route, status, duration, caller, version |
| bentos.texts | INFO | one for each answered text, with LOG_TEXTS: no other line contains a text |
| all others | WARNING | events that an operator should know |

A line that is written while a request is handled has the request's id.
"""

import json
import logging
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from bentos.settings import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

requests = logging.getLogger("bentos.requests")
texts = logging.getLogger("bentos.texts")

_WITH_OWN_HANDLERS = ("bentoml", "circus", "uvicorn.error")


def configure(settings: Settings) -> None:
    """Send all log records of this process to standard error, in the format that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else PlainFormatter())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    for name in _WITH_OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    access = settings.log_format == "json" if settings.access_log is None else settings.access_log
    requests.setLevel(logging.INFO if access else logging.WARNING)
    texts.setLevel(logging.INFO if settings.log_texts else logging.WARNING)


def info(logger: logging.Logger, message: str, **fields: Any) -> None:
    """Log a line at level INFO with fields beside the message; a field that is None is left out."""
    logger.info(message, extra={"fields": {name: value for name, value in fields.items() if value is not None}})


class Throttle:
    """True at most once in `seconds`: for a message about something that fails at every request."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._quiet_until = 0.0

    def __call__(self) -> bool:
        if time.monotonic() < self._quiet_until:
            return False
        self._quiet_until = time.monotonic() + self.seconds
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _fields(record).items())
        line = f"{_time(record):%Y-%m-%d %H:%M:%S} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _quoted(value: Any) -> str:
    """The value, in quotes if it has blanks or control characters: a caller's text cannot look like a field or line."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    request_id = REQUEST_ID.get()
    return getattr(record, "fields", {}) | ({"request_id": request_id} if request_id else {})
