"""Sharing: one stream, many consumers, and none can hurt another. See `share`."""

from streamkit.hub.hub import Hub, Start
from streamkit.hub.hubs import Hubs, HubsStats
from streamkit.hub.log import Batch
from streamkit.hub.share import share
from streamkit.hub.subscription import Policy, Stats, Subscription

__all__ = ["Batch", "Hub", "Hubs", "HubsStats", "Policy", "Start", "Stats", "Subscription", "share"]
