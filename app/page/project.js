/** A project as one file: a zip of its pictures as they were added, and project.json, which says what they are. */

import { unzip } from "./unzip.js";
import { zip } from "./zip.js";

const DOCUMENT = "project.json";
const FORMAT = 1;

/**
 * @param {object} state see Projects.state
 * @returns {Promise<Blob>}
 */
export async function packed({ name, checkpoint, settings, model, classes, pictures, pool }) {
  const labels = new Map(classes.flatMap((each) => each.pictures.map((place) => [place, each.name])));
  const places = [...labels.keys(), ...pool.map(({ place }) => place)].filter((place, at, all) => all.indexOf(place) === at);
  const paths = new Map(places.map((place, at) => [place, `pictures/${String(at + 1).padStart(4, "0")}-${safe(pictures[place].filename)}`]));
  const sorted = new Map(pool.map(({ place, path }) => [place, path]));
  const listed = places.map((place) => {
    const { filename, index } = pictures[place];
    return { file: paths.get(place), filename, label: labels.get(place) ?? null, index, to_sort: sorted.get(place) };
  });
  const document = { format: "kshot project", format_version: FORMAT, name, checkpoint, settings, model_id: model?.id ?? null, classes: classes.map((each) => each.name), pictures: listed };
  const text = new Blob([`${JSON.stringify(document, null, 1)}\n`], { type: "application/json" });
  const files = places.map((place) => ({ path: paths.get(place), blob: pictures[place].original ?? pictures[place].blob }));
  return zip([{ path: DOCUMENT, blob: text }, ...files]);
}

/** Whether a file is a project. */
export async function isProject(file) {
  try {
    const document = (await unzip(file)).find(({ path }) => path === DOCUMENT);
    return JSON.parse(await (await document.blob()).text()).format === "kshot project";
  } catch {
    return false;
  }
}

/** What a project's file holds: its document, with the pictures' files. @throws {Error} if it is none that is known here */
export async function unpacked(file) {
  const files = new Map((await unzip(file)).map(({ path, blob }) => [path, blob]));
  const document = JSON.parse(await (await files.get(DOCUMENT)()).text());
  if (document.format_version > FORMAT) throw new Error("newer");
  const pictures = document.pictures.map(async (each) => ({ ...each, blob: await files.get(each.file)() }));
  return { ...document, pictures: await Promise.all(pictures) };
}

function safe(name) {
  return name.replaceAll(/[/\\:*?"<>|\u0000-\u001f]/g, "_").slice(-80);
}
