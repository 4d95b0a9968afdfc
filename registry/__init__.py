"""The model versions, and which one is champion."""

from registry.command import quiet_while_importing

quiet_while_importing()
