"""The service: versions of the model over HTTP."""

from registry.command import quiet_while_importing

quiet_while_importing()
