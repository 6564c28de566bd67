"""Ask a model for a model: requests, and runs that read the answer while it is written."""

from streamkit.client.anthropic.factory import from_anthropic
from streamkit.client.client import AsyncClient, Client
from streamkit.client.factories import from_openai, from_provider
from streamkit.client.mode import Mode
from streamkit.client.providers import PROVIDERS, Provider
from streamkit.client.request import Message
from streamkit.client.retries.retry import Retrying
from streamkit.client.runs.branch import Branch, BranchChange
from streamkit.client.runs.branch_run import AsyncBranchRun, BranchRun
from streamkit.client.runs.hooks import Hooks
from streamkit.client.runs.run import AsyncRun, Run

__all__ = [
    "PROVIDERS",
    "AsyncBranchRun",
    "AsyncClient",
    "AsyncRun",
    "Branch",
    "BranchChange",
    "BranchRun",
    "Client",
    "Hooks",
    "Message",
    "Mode",
    "Provider",
    "Retrying",
    "Run",
    "from_anthropic",
    "from_openai",
    "from_provider",
]
