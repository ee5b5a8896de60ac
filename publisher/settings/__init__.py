"""Settings from the environment: one module for each kind of destination, one error for all of them."""

from __future__ import annotations

from publisher.settings.environment import Environment
from publisher.settings.fleet import FleetSettings, fleet_settings
from publisher.settings.problems import settings_error

__all__ = ["Environment", "FleetSettings", "fleet_settings", "settings_error"]
