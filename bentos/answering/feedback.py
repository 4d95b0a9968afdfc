"""Corrections: what callers say is the right label of a text. `python -m pipelines.collect` takes them to training."""

from uuid import UUID

from bentos.answering.own_labels import OwnLabels
from bentos.errors import CallError
from bentos.monitoring.metrics import Metrics
from bentos.store import MODEL, Call, Correction, Store, StoreError, timeuuid
from bentos.versions.loaded import ServedVersions


class FeedbackRecorder:
    """Checks corrections and stores them."""

    def __init__(self, store: Store, metrics: Metrics, own_labels: OwnLabels) -> None:
        self.store = store
        self.metrics = metrics
        self.own_labels = own_labels

    async def record(
        self, served: ServedVersions, caller_id: str, text: str | None, call_id: UUID | None, label: str
    ) -> tuple[str, str]:
        """Store that `label` is right for `text`, or for the caller's own call `call_id`.

        Returns the text, and the label that was predicted, which is empty where no call was named, and where an
        earlier correction answered it.
        Raises CallError: unknown_id for a call that is not in the caller's log, unknown_label for a label that no
        version has, store_unavailable or not_ready where that cannot be checked now. Raises StoreError when the
        correction cannot be stored.
        """
        call = await self._logged_call(caller_id, call_id) if call_id else None
        check_label(label, served, call.model_version if call else "")
        if call:
            text = call.input
        await self.store.correct([Correction(caller_id, timeuuid.now(), text, label)])
        self.own_labels.added(caller_id)
        predicted = call.result if call and call.source == MODEL else ""
        agreed = "yes" if label == predicted else "no" if predicted else "unknown"
        self.metrics.feedback.labels(label, agreed).inc()
        return text, predicted

    async def _logged_call(self, caller_id: str, call_id: UUID) -> Call:
        try:
            call = await self.store.call(caller_id, call_id)
        except StoreError as error:
            detail = "the log, which knows the text of an id, cannot be read now: send the text itself, or retry"
            raise CallError("store_unavailable", detail) from error
        if call is None:
            raise CallError("unknown_id", "none of your logged calls has this id: send the text itself")
        return call


def check_label(label: str, served: ServedVersions, answered_by: str) -> None:
    """The label must be one of the default version's, or of the version with that key. Raises CallError."""
    versions = [served.default, *(version for version in served.versions if version.key == answered_by)]
    labels = dict.fromkeys(label for version in versions if version for label in version.model.labels)
    if not labels:
        raise CallError("not_ready", served.why_no_champion)
    if label not in labels:
        raise CallError("unknown_label", f"{label[:50]!r} is no label; there are: {', '.join(labels)}")
