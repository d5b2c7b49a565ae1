"""The names of tenants, which are also those of their folders."""

import re

TENANT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
