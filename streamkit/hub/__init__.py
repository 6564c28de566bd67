"""Share one stream with many subscribers, none of whom can hold up another.

share          `share(flow)`: a hub
hubs           `Hubs`: runs that outlive the request that started them, found by id
hub            `Hub`: owns the task that reads the source
subscription   `Subscription`: one subscriber, with its policy
cursor         the position of a subscriber in the log, and what it is handed from there
log            `MemoryLog`: the newest changes, and the document of all
channel        wakes subscribers, and the source when there is room
limits         how far the source may read ahead of subscribers who make it wait
waiters        many tasks that wait for the same thing
"""

from streamkit.hub.hub import Hub, Start
from streamkit.hub.hubs import Hubs, HubsStats
from streamkit.hub.log import Batch
from streamkit.hub.share import share
from streamkit.hub.subscription import Policy, Stats, Subscription

__all__ = ["Batch", "Hub", "Hubs", "HubsStats", "Policy", "Start", "Stats", "Subscription", "share"]
