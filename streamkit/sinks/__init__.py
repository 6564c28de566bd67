"""Where changes go: functions, a file, the screen. What a sink is: see `sink`."""

from streamkit.sinks.callbacks import Callback, callbacks
from streamkit.sinks.console import console
from streamkit.sinks.from_json import from_json
from streamkit.sinks.jsonlines import TextFile, jsonlines, to_json
from streamkit.sinks.sink import Changes, Delivery, Drain, Sink

__all__ = [
    "Callback",
    "Changes",
    "Delivery",
    "Drain",
    "Sink",
    "TextFile",
    "callbacks",
    "console",
    "from_json",
    "jsonlines",
    "to_json",
]
