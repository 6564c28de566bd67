// Folds streams of frames with the browser client's own code, and prints what does not match.
import { readFileSync } from "node:fs";
import { deepStrictEqual } from "node:assert";
const { apply, empty, verdict } = await import(process.argv[2]);

const wrong = [];
let frames = 0;
function check(state, expected, where) {
  try {
    // A document without a value is null in JSON.
    deepStrictEqual(state.value === undefined ? null : state.value, expected.value);
    for (const [path, is] of expected.verdicts) deepStrictEqual(verdict(state, path), is);
    deepStrictEqual(state.end?.status ?? null, expected.end?.status ?? null);
  } catch (error) {
    wrong.push(`${where}: ${error.message.slice(0, 300)}`);
  }
}
function frozen(value) {
  if (value && typeof value === "object" && !Object.isFrozen(value)) { Object.freeze(value); Object.values(value).forEach(frozen); }
  return value;
}
for (const [at, stream] of JSON.parse(readFileSync(0, "utf8")).entries()) {
  let state = empty;
  stream.frames.forEach((frame, i) => {
    const before = frozen(state.value);  // what was handed out is never changed
    state = apply(state, frame);
    frames++;
    if (before !== undefined || stream.states[i].value !== null) check(state, stream.states[i], `stream ${at}, frame ${i}`);
  });
  if (!stream.late) continue;
  state = apply(empty, stream.late.frame);
  stream.frames.slice(stream.late.after).forEach((frame, i) => {
    state = apply(state, frame);
    if (stream.states[stream.late.after + i].value !== null) check(state, stream.states[stream.late.after + i], `stream ${at}, late, frame ${i}`);
  });
}
console.log(JSON.stringify({ frames, wrong }));
