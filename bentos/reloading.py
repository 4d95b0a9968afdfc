"""The supervisor's part in a reload: on SIGHUP, circus starts new workers and then ends the old ones."""

import logging
from collections.abc import Callable

from bentos.settings import SettingsError

AGAIN = 0.5  # seconds

logger = logging.getLogger(__name__)


def reload_with_care(check: Callable[[], object], renew: Callable[[], None]) -> None:
    """Have a reload refused when `check` raises SettingsError: the new workers could not start, and the old would end.

    `renew` is called for what else has to begin anew. Whoever ends the service during a reload is heard after it.
    """
    from circus.sighandler import SysHandler

    reload, quit_ = SysHandler.reload, SysHandler.quit

    def careful_reload(handler: SysHandler) -> None:
        try:
            check()
        except SettingsError as error:
            logger.error("not reloaded, the workers go on as they are: %s", error)
        else:
            renew()
            reload(handler)

    def insistent_quit(handler: SysHandler) -> None:
        quit_(handler)  # circus drops it while another command runs
        loop = handler.controller.loop
        loop.add_callback_from_signal(lambda: loop.call_later(AGAIN, insistent_quit, handler))

    SysHandler.reload, SysHandler.quit = careful_reload, insistent_quit  # circus has no settings for them
    logging.getLogger("tornado.application").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Circus's timer stumbles over a command under way, and says so in a traceback twice a second."""
    from circus.exc import ConflictError

    return not (record.exc_info and isinstance(record.exc_info[1], ConflictError))
