"""Where the registry is and who is told of its changes, from the environment or a `.env` file.

Training, promoting and serving read the same.
"""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _receiver(url: SecretStr) -> SecretStr:
    """No message shows any of it: it may have a password, or be one."""
    if text := url.get_secret_value():
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # the port is no number
            usable = False
        if not usable or not text.isprintable() or " " in text:
            raise ValueError("it is a URL that begins with http:// or https://")
    return url


class RegistrySettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # there are secrets in it
    )

    model_name: str = "sms-spam"
    mlflow_tracking_uri: str = "sqlite:///mlflow.db"
    service_key: SecretStr = SecretStr("")  # for the services' /metrics, where those need a key

    notify_url: Annotated[SecretStr, AfterValidator(_receiver)] = SecretStr("")  # who is told; "": nobody
    notify_secret: SecretStr = SecretStr("")  # signs what is sent there
    notify_path: Path = Path("notify.db")  # what waits to be sent

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.notify_url.get_secret_value() and not self.notify_secret.get_secret_value():
            raise ValueError("NOTIFY_URL needs NOTIFY_SECRET, by which the receiver knows who sends")
        return self


def without_passwords(message: str) -> str:
    """A message that may name a URI, without what stands before the host."""
    return re.sub(r"//\S*@", "//***@", message)  # also a lone token, and a password with / or @ in it
