"""Where the registry is, from the environment or a `.env` file: the same for training, promoting and serving."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RegistrySettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    model_name: str = "sms-spam"
    mlflow_tracking_uri: str = "sqlite:///mlflow.db"
    service_key: SecretStr = SecretStr("")  # for the services' /metrics, where those need a key
