"""The supervisor's part in a reload: on SIGHUP, circus starts new workers and then ends the old ones."""

import logging
from collections.abc import Callable

from bentos.settings import SettingsError

logger = logging.getLogger(__name__)


def reload_with_care(check: Callable[[], object], renew: Callable[[], None]) -> None:
    """Have a reload refused when `check` raises SettingsError: the new workers could not start, and the old would end.

    `renew` is called for what else has to begin anew.
    """
    from circus.sighandler import SysHandler

    reload = SysHandler.handle_hup

    def handle_hup(handler: SysHandler) -> None:
        try:
            check()
        except SettingsError as error:
            logger.error("not reloaded, the workers go on as they are: %s", error)
        else:
            renew()
            reload(handler)

    SysHandler.handle_hup = handle_hup  # circus has no setting for it, and installs its handlers after this
    logging.getLogger("tornado.application").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Circus's timer stumbles over a reload under way, and says so in a traceback twice a second."""
    from circus.exc import ConflictError

    return not (record.exc_info and isinstance(record.exc_info[1], ConflictError))
