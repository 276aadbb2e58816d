"""Commands that neither Redis nor Valkey has: no recorded facts to hold them against."""

from __future__ import annotations

from typing import Dict

OWN_COMMANDS: Dict[str, str] = {}
"""Full name ("container|sub" for a subcommand) -> why there is such a command."""
