"""Watch a record fill in while a language model writes it.

By default a recorded answer is served on loopback, as an OpenAI-compatible endpoint, at a pace one can follow;
nothing leaves this machine. Against a live endpoint:

    make demo ARGS="--model gpt-4.1-mini"                                     # with OPENAI_API_KEY
    make demo ARGS="--base-url http://127.0.0.1:8080/v1 --model anything"
"""

import argparse
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from meeting import MESSAGES, MeetingInfo
from openai import OpenAI
from pydantic_core import to_json

from streamkit import Change, Document, from_openai
from streamkit.client import Client
from streamkit.sinks import console
from streamkit.sinks import to_json as change_to_json
from streamkit.sources import recorded
from streamkit.testing import LoopbackServer

RECORDING = Path(__file__).parent / "data" / "chat_json_schema.sse"


class Figures:
    """What the stream cost, and what whole snapshots of it would have: one for each chunk, as others send them."""

    def __init__(self) -> None:
        self.chunks = self.changes = self.repeats = self.bytes = self.snapshot_bytes = 0
        self._document, self._snapshot = Document(), b""

    def take(self, batch: Sequence[Change[MeetingInfo]], chunks: int) -> None:
        silent = chunks - self.chunks - 1
        for change in batch:
            self._document.apply(change)
        snapshot = to_json(self._document.value)
        # The `end` comes after the last chunk, and with it no snapshot.
        if chunks > self.chunks:
            self.repeats += silent + (snapshot == self._snapshot)
            self.snapshot_bytes += silent * len(self._snapshot) + len(snapshot)
        self.chunks, self._snapshot = chunks, snapshot
        self.changes += len(batch)
        self.bytes += sum(len(change_to_json(change).encode()) + 1 for change in batch)

    def __str__(self) -> str:
        return (
            f"{self.chunks} chunks, {self.changes} changes, {self.repeats} repeats avoided; "
            f"{self.bytes:,} bytes as changes, {self.snapshot_bytes:,} as snapshots"
        )


def main() -> None:
    """Show the run, then the result and the figures."""
    options = arguments()
    figures = Figures()
    with (
        the_client(options) as client,
        client.stream(MeetingInfo, messages=MESSAGES, temperature=0) as run,
        closing(console().open(MeetingInfo)) as view,
    ):
        for batch in run.batches():
            view.take(batch)
            figures.take(batch, run.chunks)
        meeting = run.result()
    print(meeting.model_dump_json(indent=2))
    print(figures)


@contextmanager
def the_client(options: argparse.Namespace) -> Generator[Client]:
    """A client of the recording; of a live endpoint if one is named."""
    if options.model or options.base_url:
        with OpenAI(base_url=options.base_url, api_key=options.api_key) as sdk:
            yield from_openai(sdk, model=options.model or "default")
    else:
        recording = recorded(RECORDING).over(options.seconds)
        with LoopbackServer(recording) as server, OpenAI(base_url=server.base_url, api_key="none") as sdk:
            yield from_openai(sdk, model="recorded")


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Watch a record fill in while a language model writes it.")
    parser.add_argument("--model", help="ask this model, live, instead of the recording")
    parser.add_argument("--base-url", help="the live endpoint, if it is not OpenAI's own")
    parser.add_argument("--api-key", help="by default from OPENAI_API_KEY")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long the recording takes (default: 5)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
