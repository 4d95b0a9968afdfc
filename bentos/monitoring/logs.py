"""What the service writes to standard error: plain lines for a person, or JSON, one object a line, for a collector.

| logger | level | what |
| --- | --- | --- |
| bentos.requests | INFO | each request, where ACCESS_LOG asks for it: route, status, duration, caller, version |
| bentos.texts | INFO | each answered text with its label, where LOG_TEXTS asks for it: no other line holds a text |
| the others | WARNING | notices |

A line that is written on behalf of a request has its id.
"""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from bentos.settings import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

requests = logging.getLogger("bentos.requests")
texts = logging.getLogger("bentos.texts")

_OTHERS = ("bentoml", "circus", "uvicorn.error")  # BentoML gives them handlers of their own


def configure(settings: Settings) -> None:
    """Send everything that this process logs to standard error, in the settings' format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else PlainLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    for name in _OTHERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    access = settings.log_format == "json" if settings.access_log is None else settings.access_log
    requests.setLevel(logging.INFO if access else logging.WARNING)
    texts.setLevel(logging.INFO if settings.log_texts else logging.WARNING)


def tell(logger: logging.Logger, what: str, **fields: Any) -> None:
    """Log a line at level INFO that has fields besides its message; one that is None is left out."""
    logger.info(what, extra={"fields": {name: value for name, value in fields.items() if value is not None}})


class JsonLines(logging.Formatter):
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


class PlainLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_plain(value)}" for name, value in _fields(record).items())
        line = f"{_time(record):%Y-%m-%d %H:%M:%S} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _plain(value: Any) -> str:
    """As it is, or quoted: no text that a caller sent looks like another field or line."""
    told = str(value)
    return told if told.isprintable() and " " not in told else repr(told)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    request_id = REQUEST_ID.get()
    return getattr(record, "fields", {}) | ({"request_id": request_id} if request_id else {})
