/** Pictures on their way in: from drops, pastes, pickers, folders and archives. The service says what they hold. */

import * as api from "./api.js";
import * as report from "./report.js";
import { Picture } from "./support.js";
import { tar } from "./tar.js";

/** What pickers offer: browsers don't count all formats that the service reads among images. */
export const PICTURES = "image/*,.heic,.heif,.avif,.tif,.tiff,.jfif";
export const ARCHIVES = ".zip,.tar,.tgz,.gz";
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;
const LARGE_BYTES = 1.5e6;
/** Twice what the photo network looks at, and some: its own shrinking then has the last word. */
const SHORTER_SIDE = 512;

/** Files in one request: an archive, or loose pictures. */
class Upload {
  /** Of the archive's names, where they don't tell. @type {string|null} */
  encoding = null;

  /** @param {string} name @param {File|null} archive @param {{blob: Blob, filename: string}[]} images */
  constructor(name, archive, images = []) {
    Object.assign(this, { name, archive, images });
  }

  /** What it holds, with pictures as the checkpoint's network will see them. */
  async inspect(checkpoint) {
    const fields = { archive: this.archive, archive_encoding: this.encoding, checkpoint };
    const found = await api.inspect(api.form(fields, this.images));
    const pictures = found.pictures.map(({ image, filename, index, label }) => {
      const source = { upload: this, index };
      return { label, picture: new Picture(api.pictureOf(image), filename.split("/").at(-1), source) };
    });
    return { ...found, pictures };
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
  for (const upload of await uploads(found)) await added(support, upload, target);
}

/** Loose pictures, for a checkpoint. */
export async function inspected(found, checkpoint) {
  const loose = await looseOf(found);
  return loose ? loose.inspect(checkpoint) : { pictures: [], left_out: [], warnings: [] };
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
  const done = report.reading(upload.name);
  const { checkpoint } = support;
  try {
    const { pictures, ...found } = await upload.inspect(checkpoint);
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
  const files = await Promise.all(inside.map(async ({ file, path }) => ({ path, file: file && (await smaller(file)) })));
  const all = found.filter(isArchive).map(({ file, path }) => new Upload(path, file));
  if (files.length) all.push(new Upload(inside[0].path.split("/")[0], tar(files)));
  const loose = await looseOf(found);
  return loose ? [...all, loose] : all;
}

async function looseOf(found) {
  const files = found.filter((each) => !each.path.includes("/") && !isArchive(each));
  const images = await Promise.all(files.map(async ({ file, path }) => ({ filename: path, blob: await smaller(file) })));
  return files.length ? new Upload(files.length > 1 ? "The pictures" : files[0].path, null, images) : null;
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
async function smaller(file) {
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
