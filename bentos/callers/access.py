"""Who may call, how often, and how many at once: the settings of it as the application needs them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies
from bentos.settings import Settings

if TYPE_CHECKING:
    from bentos.callers.rates import Rates

COUNTS = "calls.sqlite"  # in the folder that the workers share


@dataclass(frozen=True)
class Access:
    """As it stands here everybody may do everything."""

    keys: Keys | None = None
    proxies: Proxies = field(default_factory=Proxies)
    rates: "Rates | None" = None
    max_concurrency: int = 0  # of one worker; 0 for no limit
    cors_origins: tuple[str, ...] = ()

    def count_rest(self, caller: str, texts: int) -> None:
        """Count the texts of a call that was counted as one, where that is limited. Raises CallError."""
        if self.rates:
            self.rates.count_rest(caller, texts)


def read_access(settings: Settings, folder: Path) -> Access:
    """The workers that share `folder` count their callers together. Raises SettingsError."""
    return Access(
        keys=Keys(settings.api_keys_file) if settings.api_keys_file else None,
        proxies=Proxies(settings.trusted_proxies),
        rates=_rates(settings.rate_limit, folder / COUNTS) if settings.rate_limit else None,
        max_concurrency=settings.max_concurrency,
        cors_origins=tuple(settings.cors_origins.split(",")) if settings.cors_origins else (),
    )


def _rates(limits: str, path: Path) -> "Rates":
    from bentos.callers.rates import Rates  # the library takes a tenth of a second

    return Rates(limits, path)
