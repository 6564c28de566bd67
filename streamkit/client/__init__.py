"""Ask a model for a model: requests, and runs that read the answer while it is written."""

from streamkit.client.anthropic_provider import from_anthropic
from streamkit.client.branch import Branch, BranchChange
from streamkit.client.branch_run import AsyncBranchRun, BranchRun
from streamkit.client.client import AsyncClient, Client
from streamkit.client.hooks import Hooks
from streamkit.client.mode import Mode
from streamkit.client.provider import from_openai, from_provider
from streamkit.client.providers import PROVIDERS, Provider
from streamkit.client.request import Message
from streamkit.client.retry import Retrying
from streamkit.client.run import AsyncRun, Run

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
