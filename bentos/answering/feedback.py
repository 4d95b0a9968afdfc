"""What a caller says is the right label of a text. `python -m pipelines.collect` hands it to the next training."""

from uuid import UUID

from bentos.errors import CallError
from bentos.http.state import State
from bentos.store import Call, Correction, StoreError, timeuuid
from bentos.versions.loaded import Served


async def take(state: State, caller_id: str, text: str | None, call_id: UUID | None, label: str) -> tuple[str, str]:
    """Store a correction of `text`, or of the caller's own call `call_id`; its text, and what was predicted or "".

    Raises CallError: 404 for a call that is not in the caller's log, 422 for a label that no version has, 503 when
    either cannot be known now. Raises StoreError when the correction cannot be stored.
    """
    call = await _logged(state, caller_id, call_id) if call_id else None
    _check(label, state.served, call)
    if call:
        text = call.input
    await state.store.correct([Correction(caller_id, timeuuid.now(), text, label)])
    predicted = call.result if call else ""
    state.metrics.feedback.labels(label, "yes" if label == predicted else "no" if predicted else "unknown").inc()
    return text, predicted


async def _logged(state: State, caller_id: str, call_id: UUID) -> Call:
    try:
        call = await state.store.call(caller_id, call_id)
    except StoreError as error:
        detail = "the log, which knows the text of an id, cannot be read now: send the text itself, or retry"
        raise CallError(503, "store_unavailable", detail) from error
    if call is None:
        raise CallError(404, "unknown_id", "none of your logged calls has this id: send the text itself")
    return call


def _check(label: str, served: Served, call: Call | None) -> None:
    """The labels are those of the default version, and of the one that answered the call."""
    asked = [served.default, *(v for v in served.versions if call and v.key == call.model_version)]
    labels = dict.fromkeys(known for version in asked if version for known in version.model.labels)
    if not labels:
        raise CallError(503, "not_ready", served.why_not_ready)
    if label not in labels:
        raise CallError(422, "unknown_label", f"{label[:50]!r} is no label; there are: {', '.join(labels)}")
