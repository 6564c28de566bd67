"""For tests of streams, this library's and yours: every way to cut a text, and a server to stream it."""

from streamkit.testing.server import Answer, LoopbackServer, Seen, chat_events
from streamkit.testing.splits import every_split, random_split

__all__ = ["Answer", "LoopbackServer", "Seen", "chat_events", "every_split", "random_split"]
