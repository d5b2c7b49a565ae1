/** The example sets: a zip each, of support/<class>/ and query/<class>/. */

import { Class, Picture } from "./support.js";
import { unzip } from "./zip.js";

/** @param {"photos"|"drawings"} kind */
export async function example(kind) {
  const response = await fetch(new URL(`page/examples/${kind}.zip`, document.baseURI));
  const files = await unzip(await response.blob());
  const classes = new Map();
  const queries = [];
  for (const { path, blob } of files) {
    const [part, name, filename] = path.split("/");
    const picture = new Picture(blob, filename);
    if (part === "query") queries.push(picture);
    else classes.set(name, [...(classes.get(name) ?? []), picture]);
  }
  queries.sort((one, other) => one.filename.localeCompare(other.filename)); // by turns of the classes
  return { classes: [...classes].map(([name, pictures]) => new Class(name, pictures)), queries };
}
