// Runs AG-UI's own agent against a server, once for each stream; prints the states it had, by the `seq` of their event.
import { HttpAgent } from "@ag-ui/client";

console.warn = (text) => { throw new Error(text); };  // how the client says that a patch failed
const [url, count] = process.argv.slice(2);
const runs = [];
for (let number = 0; number < Number(count); number++) {
  const run = { states: {}, types: [], seq: 0 };
  const agent = new HttpAgent({ url, threadId: "t", initialState: { left: "over" } });
  await agent.runAgent({ runId: `r${number}` }, {
    onEvent({ event }) { run.types.push(event.type); run.seq = event.metadata.streamkit.seq; },
    onStateChanged({ state }) { run.states[run.seq] = structuredClone(state); },
    onRunFinishedEvent({ outcome }) { run.outcome = outcome; },
    onRunErrorEvent({ event }) { run.error = event.message; },
  }).catch((error) => { run.raised = error.message; });
  run.last = agent.state;
  runs.push(run);
}
process.stdout.write(JSON.stringify(runs));
