"""The history of changes to the registry, as tags of the registered model: what, when, by whom and why."""

import json
from datetime import UTC, datetime
from typing import Any

from registry.user import user
from registry.versions import Registry

EVENT = "event."  # the prefix of the tags


def record(
    registry: Registry, what: str, before: dict[str, Any], after: dict[str, Any], why: str | None = None, **extra: str
) -> None:
    """Add an event. Call it before the change: an event without its change is better than a change without event."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # no "+": MLflow refuses it in a tag
    event = {"at": at, "what": what, "by": user() or "unknown", "before": before, "after": after, "why": why, **extra}
    registry.tag_model(EVENT + at, json.dumps(event))


def history(registry: Registry) -> list[dict[str, Any]]:
    """Every event, oldest first."""
    tags = registry.model_tags()
    return [json.loads(value) for key, value in sorted(tags.items()) if key.startswith(EVENT)]
