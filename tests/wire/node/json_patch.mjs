// Applies the patches of each stream with fast-json-patch, validated; prints what is shown after each.
import { readFileSync } from "node:fs";
import patches from "fast-json-patch";

const shown = JSON.parse(readFileSync(0, "utf-8")).map((stream) => {
  let document = null;
  return stream.map((patch) => {
    document = patches.applyPatch(document, patch, true, false).newDocument;
    return structuredClone(document);
  });
});
process.stdout.write(JSON.stringify(shown));
