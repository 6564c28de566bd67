// streamkit's browser client: follows a stream of frames. No dependencies, no build step; types are in streamkit.d.ts.
// A page needs one call: `follow(url, { onState })`.

import { FrameError, apply, empty } from "./frames.js";
export { FrameError, apply, empty, verdict } from "./frames.js";

/** The server refused to let this client follow; `status` is the HTTP status. */
export class FollowError extends Error { constructor(message, status) { super(message); this.status = status; } }

/** Follow a stream up to its `end`; resolves to the last state. Reconnects by itself, and continues where it was. */
export async function follow(url, { onState, headers = {}, state = empty, id = "", ...options } = {}) {
  await stream(() => [url, { ...headers, ...(id && { "Last-Event-ID": id }) }], (event) => {
    state = apply(state, JSON.parse(event.data));
    id = event.id ?? id;
    onState?.(state, id);
    return state.end !== null;
  }, () => { id = ""; }, options);
  return state;
}

/** Follow several runs over one connection, to the end of all; resolves to their states by run. */
export async function followMany(url, { onState, headers = {}, ...options } = {}) {
  const states = {}, ids = {}, query = url.includes("?") ? "&" : "?";
  const open = () => Object.values(states).some((state) => !state.end && !state.status);
  await stream(() => [url + Object.values(ids).map((id, i) => `${i ? "&" : query}after=${encodeURIComponent(id)}`).join(""), headers], (event) => {
    const { run, id, frame, status } = JSON.parse(event.data);
    states[run] = status ? { ...empty, status } : apply(states[run] ?? empty, frame);
    ids[run] = id ?? ids[run];
    onState?.(run, states[run], id);
    return false;
  }, () => { for (const run of Object.keys(ids)) delete ids[run]; }, { ...options, over: () => Object.keys(states).length > 0 && !open() });
  return states;
}

// Connects again and again until `handle` returns true, the server says that nothing follows, or refuses.
async function stream(target, handle, reset, { signal, retry = 1000, stall = 40_000, over = () => false }) {
  for (let failures = 0, broken = 0; ; failures++) {
    try {
      const [url, headers] = target();
      const { status, events } = await connect(url, headers, signal, stall);
      if (status === 204) return;
      for await (const event of events) {
        retry = event.retry ? Number(event.retry) : retry;
        if (event.data && handle(event)) return;
        if (event.data) failures = broken = 0;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof FollowError || (error instanceof FrameError && ++broken > 2)) throw error;
      if (error instanceof FrameError) reset();  // a snapshot brings the state back
    }
    if (over()) return;
    await pause(Math.min(retry * 2 ** failures, 15_000) * (0.5 + Math.random() / 2), signal);
    if (signal?.aborted) throw signal.reason;
  }
}

async function connect(url, headers, signal, stall) {
  const stop = new AbortController(), both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers }, cache: "no-store", signal: both });
  const { ok, status, body } = response;
  if (status >= 400 && status < 500 && ![408, 425, 429].includes(status)) throw new FollowError(`HTTP ${status} from ${url}`, status);
  return { status, events: ok && body ? read(body, stop, stall) : [] };
}

// Yields events as { id, data, retry }. Servers ping: `stall` ms without a byte mean that the connection is dead.
async function* read(body, stop, stall) {
  let heard = Date.now(), rest = "", event = {};
  const look = () => Date.now() - heard > stall && stop.abort();
  const watch = setInterval(look, stall / 8);
  globalThis.document?.addEventListener("visibilitychange", look);  // timers sleep in a hidden tab
  try {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      heard = Date.now();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const colon = line.indexOf(": ");
        if (line === "") { yield event; event = {}; } else if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
      }
    }
  } finally {
    clearInterval(watch);
    globalThis.document?.removeEventListener("visibilitychange", look);
    stop.abort();  // leaving closes the connection
  }
}

// Waits; a tab that is shown again, and a network that is back, end the wait.
function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = new AbortController(), end = () => { done.abort(); clearTimeout(timer); resolve(); }, timer = setTimeout(end, ms);
    for (const [target, name] of [[globalThis.document, "visibilitychange"], [globalThis.window, "online"], [signal, "abort"]]) {
      target?.addEventListener(name, end, { signal: done.signal });
    }
  });
}
