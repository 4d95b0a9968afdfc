"""Who may call, how often, and how many at once: the settings of it as the application needs them."""

from dataclasses import dataclass, field

from bentos.keys import Keys
from bentos.proxies import Proxies
from bentos.settings import Settings


@dataclass(frozen=True)
class Access:
    """As it stands here everybody may do everything."""

    keys: Keys | None = None
    proxies: Proxies = field(default_factory=Proxies)


def read_access(settings: Settings) -> Access:
    """Raises SettingsError."""
    return Access(
        keys=Keys(settings.api_keys_file) if settings.api_keys_file else None,
        proxies=Proxies(settings.trusted_proxies),
    )
