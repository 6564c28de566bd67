"""For tests of streams, this library's and yours: cuts, a clock that jumps, diagrams, probes, suites, a server."""

from streamkit.testing.clock import Deadlock, VirtualTimeLoop, run_virtual
from streamkit.testing.hubs import verify_hub
from streamkit.testing.marbles import Marbles, drawn, marbles
from streamkit.testing.messages import anthropic_events, chat_events
from streamkit.testing.probe import Probe, ProbeRun
from streamkit.testing.server import Answer, LoopbackServer, Seen
from streamkit.testing.splits import every_split, random_split
from streamkit.testing.stages import verify_stage

__all__ = [
    "Answer",
    "Deadlock",
    "LoopbackServer",
    "Marbles",
    "Probe",
    "ProbeRun",
    "Seen",
    "VirtualTimeLoop",
    "anthropic_events",
    "chat_events",
    "drawn",
    "every_split",
    "marbles",
    "random_split",
    "run_virtual",
    "verify_hub",
    "verify_stage",
]
