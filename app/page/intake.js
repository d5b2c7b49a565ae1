/** Pictures on their way in: from drops, pastes, pickers, folders and archives. The service says what they hold. */

import * as api from "./api.js";
import * as report from "./report.js";
import { Picture } from "./support.js";
import { t } from "./words.js";

/** What pickers offer: browsers don't count all formats that the service reads among images. */
export const PICTURES = "image/*,.heic,.heif,.avif,.tif,.tiff,.jfif";
export const ARCHIVES = ".zip,.tar,.tgz,.gz";
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;
const LARGE_BYTES = 1.5e6;
const TOGETHER = 40;
/** Twice what the photo network looks at, and some: its own shrinking then has the last word. */
const SHORTER_SIDE = 512;

/** Files in one request: an archive, or loose pictures. */
class Upload {
  /** Of the archive's names, where they don't tell. @type {string|null} */
  encoding = null;

  /**
   * @param {string} name @param {File|null} archive
   * @param {{blob: Blob, filename: string, original: Blob}[]} images
   * @param {(path: string) => Promise<Blob|null>} fileOf what lies in the archive
   */
  constructor(name, archive, images = [], fileOf = async () => null) {
    Object.assign(this, { name, archive, images, fileOf });
  }

  /** What it holds, with pictures as the checkpoint's network will see them. */
  async inspect(checkpoint, onUpload = () => {}) {
    const fields = { archive: this.archive, archive_encoding: this.encoding, checkpoint };
    const found = await api.inspect(api.form(fields, this.images), onUpload);
    const pictures = found.pictures.map(async ({ image, filename, index, label }) => {
      const original = this.archive ? await this.fileOf(filename) : this.images[index].original;
      const picture = new Picture(api.pictureOf(image), filename.split("/").at(-1), { upload: this, index }, original);
      return { label, picture };
    });
    return { ...found, pictures: await Promise.all(pictures) };
  }
}

/** Pictures that were kept with their files can be prepared again. @param {Picture[]} pictures */
export function sourced(pictures) {
  const known = pictures.filter(({ original }) => original);
  for (let start = 0; start < known.length; start += TOGETHER) {
    const some = known.slice(start, start + TOGETHER);
    const images = some.map(({ original, filename }) => ({ blob: original, filename, original }));
    const upload = new Upload("", null, /** @type {any} */ (images));
    some.forEach((picture, index) => Object.assign(picture, { source: { upload, index } }));
  }
}

/**
 * Puts files where they belong: those with labels into their classes, the others into `target`.
 * @param {import("./support.js").Support} support
 * @param {{file: File|Blob|null, path: string}[]} found
 * @param {() => import("./support.js").Class} target
 */
export async function take(support, found, target) {
  report.clear();
  const project = await projectAmong(found);
  if (project) return support.dispatchEvent(new CustomEvent("project", { detail: project }));
  for (const upload of await uploads(found)) await added(support, upload, target);
}

/** The archives among what was found, folders made to one, as they are sent. */
export async function archived(found) {
  return (await uploads(found)).filter(({ archive }) => archive);
}

/** Loose pictures, for a checkpoint. */
export async function inspected(found, checkpoint) {
  const all = await Promise.all((await looseOf(found)).map((loose) => loose.inspect(checkpoint)));
  const [pictures, leftOut, warnings] = ["pictures", "left_out", "warnings"].map((part) => all.flatMap((each) => each[part]));
  return { pictures, left_out: leftOut, warnings };
}

/**
 * Pictures with their files, for a checkpoint, whatever folders they are in; a few at a time, as they may be hundreds.
 * @param {(done: number, all: number) => void} told
 */
export async function prepared(found, checkpoint, told) {
  const files = found.filter((each) => each.file && !isArchive(each));
  const items = [];
  const leftOut = found.filter(isArchive).map(({ path }) => ({ filename: path, reason: t("left.archive") }));
  for (let start = 0; start < files.length; start += TOGETHER) {
    told(start, files.length);
    const some = files.slice(start, start + TOGETHER);
    const images = await Promise.all(some.map(async ({ file, path }) => ({ filename: path.split("/").at(-1), blob: await smaller(file), original: file })));
    const { pictures, left_out: left } = await new Upload("", null, images).inspect(checkpoint).catch((error) => noneOf(some, error));
    leftOut.push(...left);
    items.push(...pictures.map(({ picture }) => ({ picture, ...some[picture.source.index] })));
  }
  return { items, left_out: leftOut };
}

/** What a request answers none of whose files can be read. */
function noneOf(files, error) {
  if (error.status !== 422) throw error;
  return { pictures: [], left_out: files.map(({ path }) => ({ filename: path, reason: error.message })) };
}

/** The same pictures, as the network of the support set's checkpoint will see them. */
export async function prepareAgain(support) {
  const pictures = support.pictures.map(({ picture }) => picture).filter(({ source }) => source);
  for (const upload of new Set(pictures.map(({ source }) => source.upload))) {
    const found = await upload.inspect(support.checkpoint);
    const again = new Map(found.pictures.map(({ picture }) => [picture.source.index, picture]));
    for (const each of pictures.filter(({ source }) => source.upload === upload)) each.look(again.get(each.source.index));
  }
  support.changed();
}

/** What an `<input type="file">` has, a folder's files with their paths. */
export function chosen(input) {
  const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  input.value = "";
  return files;
}

/** What was dropped or pasted. The transfer has to be read at once, before anything is awaited. */
export async function transferred(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
  return (await Promise.all(entries.map(([entry, file]) => walked(entry, file)))).flat();
}

async function added(support, upload, target) {
  const { told, done } = report.reading(upload.name);
  const { checkpoint } = support;
  try {
    const { pictures, ...found } = await upload.inspect(checkpoint, told);
    if (support.checkpoint !== checkpoint) return await added(support, upload, target); // it was changed meanwhile
    support.change(() => {
      const loose = pictures.some(({ label }) => label === null) ? target() : null;
      for (const { label, picture } of pictures) (label === null ? loose : support.named(label)).pictures.push(picture);
    });
    report.told(found);
  } catch (error) {
    report.refused(upload.name, error, (encoding) => added(support, Object.assign(upload, { encoding }), target));
  } finally {
    done();
  }
}

/** One for each archive, one for all that lies in folders, one for the rest. */
async function uploads(found) {
  const inside = found.filter(({ path }) => path.includes("/"));
  const all = found.filter(isArchive).map(({ file, path }) => new Upload(path, file, [], zipped(file)));
  if (!inside.length) return [...all, ...(await looseOf(found))];
  const { zip } = await import("./zip.js");
  const byPath = new Map(inside.map(({ file, path }) => [path.normalize("NFC"), file]));
  const files = await Promise.all(inside.map(async ({ file, path }) => ({ path, blob: file ? await smaller(file) : new Blob() }))); // a folder has no file
  const folder = new Upload(inside[0].path.split("/")[0], new File([await zip(files)], "folder.zip"), [], async (path) => byPath.get(path.normalize("NFC")) ?? null);
  return [...all, folder, ...(await looseOf(found))];
}

/** Loose pictures, a few at a time: what is wrong with the first is known while others are sent. */
async function looseOf(found) {
  const files = found.filter((each) => !each.path.includes("/") && !isArchive(each));
  const made = [];
  for (let start = 0; start < files.length; start += TOGETHER) {
    const some = files.slice(start, start + TOGETHER);
    const images = await Promise.all(some.map(async ({ file, path }) => ({ filename: path, blob: await smaller(file), original: file })));
    const range = { from: start + 1, to: start + some.length, n: files.length };
    made.push(new Upload(files.length > 1 ? t("pictures.range", range) : files[0].path, null, images));
  }
  return made;
}

/** A project's file, if there is one. */
async function projectAmong(found) {
  for (const { file } of found.filter(({ file, path }) => file && /\.zip$/i.test(path) && !path.includes("/"))) {
    if (await (await import("./project.js")).isProject(file)) return file;
  }
  return null;
}

/** Finds the files in an archive, if it is a zip. */
function zipped(archive) {
  const all = import("./unzip.js").then(({ unzip }) => unzip(archive));
  const files = all.then((found) => new Map(found.map(({ path, blob }) => [path, blob])), () => new Map());
  return async (path) => {
    const blob = (await files).get(path);
    return blob ? blob().catch(() => null) : null; // a zip that is not read here; the server may
  };
}

function isArchive({ path }) {
  return ARCHIVE.test(path) && !path.includes("/");
}

/** The files in a folder, at any depth; an empty folder is one without a file. */
async function walked(entry, file) {
  const path = entry?.fullPath.slice(1) || file?.name;
  if (!entry?.isDirectory) return file ? [{ file, path }] : [];
  const inside = await children(entry.createReader());
  if (!inside.length) return [{ file: null, path: `${path}/` }];
  return (await Promise.all(inside.map(async (child) => walked(child, child.isFile && (await fileOf(child)))))).flat();
}

/** Of a folder; a reader gives a hundred at a time. */
async function children(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A large photo with its shorter side SHORTER_SIDE; as it is, if the browser doesn't know the format. */
export async function smaller(file) {
  const bitmap = file.size > LARGE_BYTES ? await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null) : null;
  const scale = bitmap ? SHORTER_SIDE / Math.min(bitmap.width, bitmap.height) : 1;
  if (!bitmap || scale >= 1) return file;
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}
