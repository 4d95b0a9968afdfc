"""A caller's own corrections: the same text, asked again by the same caller, is answered with the caller's own label.

Nearly every caller has none. Whether a caller has any is asked of the store once a second at most, so that other
callers' calls cost nothing; a caller's correction counts at once in the worker that took it, and within a second in the
others. For everyone else a correction counts only after `python -m pipelines.collect` and a training.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence

from bentos.store import Store

FRESH = 1.0  # seconds that the answer of the store is good for
CALLERS = 10_000  # remembered; the one asked longest ago is forgotten first


class OwnLabels:
    """Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: OrderedDict[str, tuple[bool, float]] = OrderedDict()  # caller -> has any, until when that holds

    def may_have(self, caller_id: str) -> bool:
        """False where the caller is known to have no corrections."""
        has_any, until = self._known.get(caller_id, (True, 0.0))
        return has_any or time.monotonic() > until

    async def of(self, caller_id: str, texts: Sequence[str]) -> dict[str, str]:
        """The caller's labels for those of `texts` that they corrected. Raises StoreError."""
        has_any, until = self._known.get(caller_id, (False, 0.0))
        if time.monotonic() > until:
            has_any = await self.store.corrects(caller_id)
            self._remember(caller_id, has_any)
        return await self.store.corrected(caller_id, texts) if has_any else {}

    def added(self, caller_id: str) -> None:
        """The caller has just sent a correction."""
        self._remember(caller_id, True)

    def _remember(self, caller_id: str, has_any: bool) -> None:
        self._known[caller_id] = has_any, time.monotonic() + FRESH
        self._known.move_to_end(caller_id)
        if len(self._known) > CALLERS:
            self._known.popitem(last=False)
