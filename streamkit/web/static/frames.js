// Folds compact frames into a value and its verdicts. docs/frames.md explains the format.

/** The state before the first frame. */
export const empty = Object.freeze({ value: undefined, marks: null, at: [], end: null, attempt: 1, dropped: [], gaps: 0 });
/** A frame that does not fit the state: frames were lost. */
export class FrameError extends Error {}

/** Apply one frame. Returns a new state; parts of `value` that did not change keep their identity. */
export function apply(state, frame) {
  const next = { ...state }, fresh = new Set();
  for (const item of frame) applyItem(next, item, fresh);
  return next;
}

/** The verdict at a path: "open", "complete", or the errors of an invalid value. */
export function verdict(state, path) {
  let node = state.marks;
  for (const key of path) node = node?.c && Object.hasOwn(node.c, key) ? node.c[key] : undefined;
  return node?.m ?? "open";
}

function applyItem(next, item, fresh) {
  if (typeof item === "string") {
    edit(next, "value", next.at, fresh, (parent, key) => {
      if (typeof get(parent, key) !== "string") throw new FrameError(`no text to append to at ${JSON.stringify(next.at)}`);
      put(parent, key, parent[key] + item);
    });
  } else if (typeof item === "number") {
    for (let n = item; n > 0; n--) { mark(next, fresh, "complete"); if (n > 1) next.at = next.at.slice(0, -1); }
  } else if (Array.isArray(item)) {
    next.at = [...next.at.slice(0, item[0]), ...item[1]];
    if (item.length < 3) return;
    edit(next, "value", next.at, fresh, (parent, key) => put(parent, key, item[2]));
    mark(next, fresh, null);
  } else if (Object.hasOwn(item, "invalid")) mark(next, fresh, item.invalid);
  else if (Object.hasOwn(item, "dropped")) next.dropped = [...next.dropped, { at: next.at, errors: item.dropped }];
  else if (Object.hasOwn(item, "remove")) {
    mark(next, fresh, null);  // only the last item of a list is removed, so no other mark moves
    edit(next, "value", next.at, fresh, (parent, key) => {
      if (get(parent, key) !== undefined && Array.isArray(parent)) parent.splice(key, 1); else delete parent[key];
    });
  } else if (Object.hasOwn(item, "reset")) { next.marks = null; next.attempt = item.reset; }
  else if (Object.hasOwn(item, "snapshot")) {
    const gaps = next.gaps + (next.value === undefined ? 0 : 1);
    Object.assign(next, { value: item.snapshot, marks: item.marks ?? null, at: item.at ?? [], gaps });
  } else if (Object.hasOwn(item, "end")) next.end = item.end;
  // Any other item is from a newer server, and ignored.
}

// Containers are copied at most once per frame: `fresh` holds the copies.
function edit(holder, name, path, fresh, change, missing) {
  let parent = holder, key = name;
  for (const step of path) {
    const child = own(missing && !(Object.hasOwn(parent, key) && parent[key]) ? missing() : get(parent, key), fresh);
    put(parent, key, child);
    [parent, key] = missing ? [child.c = own(child.c ?? {}, fresh), step] : [child, step];
  }
  change(parent, key);
}

function own(node, fresh) {
  if (node === null || typeof node !== "object") throw new FrameError("a container is missing: frames were lost");
  if (fresh.has(node)) return node;
  const copy = Array.isArray(node) ? node.slice() : { ...node };
  fresh.add(copy);
  return copy;
}

function get(parent, key) {
  const fits = Array.isArray(parent) ? Number.isInteger(key) : typeof key === "string" || typeof key === "number";
  if (!fits || !Object.hasOwn(parent, key)) throw new FrameError(`nothing at ${JSON.stringify(key)}: frames were lost`);
  return parent[key];
}

function put(parent, key, value) {
  if (Array.isArray(parent) && !(Number.isInteger(key) && key <= parent.length)) throw new FrameError(`item ${key} would leave a hole`);
  // Assigning to this one key would change the prototype.
  if (key === "__proto__") Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
  else parent[key] = value;
}

// Verdicts are a tree beside the value: { m: verdict, c: { key: tree } }. Without a verdict, those below are void, too.
function mark(next, fresh, verdict) {
  edit(next, "marks", next.at, fresh, (parent, key) => {
    if (verdict !== null) put(parent, key, { ...((Object.hasOwn(parent, key) && parent[key]) || {}), m: verdict });
    else if (parent === next) next.marks = null;
    else delete parent[key];
  }, () => ({}));
}
