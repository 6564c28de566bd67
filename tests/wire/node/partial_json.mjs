// Reads a plain text stream as the AI SDK's `useObject` does; prints each object it shows.
import { parsePartialJson } from "ai";

const response = await fetch(process.argv[2]);
const shown = [];
let text = "";
for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
  text += chunk;
  shown.push((await parsePartialJson(text)).value);
}
process.stdout.write(JSON.stringify(shown));
