/** Pictures on their way in: from drops, pastes, pickers, folders and zips. */

import { note } from "./notices.js";
import { Picture } from "./support.js";
import { count, listed } from "./words.js";
import { unzip } from "./zip.js";

const PICTURE = /\.(jpe?g|png|webp|bmp|gif)$/i;
const JUNK = /(^|\/)(\.|__MACOSX|Thumbs\.db$|desktop\.ini$)/i;
const LARGE_BYTES = 1.5e6;
/** Twice what the photo network looks at, and some: its own shrinking then has the last word. */
const SHORTER_SIDE = 512;

/**
 * Puts files where they belong: those in folders into the classes of the folders' names, the others into `target`.
 * @param {import("./support.js").Support} support
 * @param {{file: File|Blob, path: string}[]} found
 * @param {() => import("./support.js").Class} target
 */
export async function take(support, found, target) {
  const files = (await Promise.all(found.map(unpacked))).flat();
  const wanted = files.filter(({ path }) => !JUNK.test(path) && (PICTURE.test(path) || !path.includes("/")));
  const pictures = await Promise.all(wanted.map(async ({ file, path }) => [path, await picture(file, path)]));
  if (files.length > wanted.length) note(`${count(files.length - wanted.length, "file")} left out: not pictures.`);
  if (!pictures.length) return;
  support.change(() => {
    const loose = pictures.some(([path]) => !path.includes("/")) ? target() : null;
    for (const [path, made] of pictures) (folder(path) ? support.named(folder(path)) : loose).pictures.push(made);
  });
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

/** A picture of a file; a large photo is made smaller first, if the browser can open it. */
export async function picture(file, path) {
  const name = path.split("/").at(-1);
  return new Picture(file.size > LARGE_BYTES ? await smaller(file) : file, name);
}

async function unpacked({ file, path }) {
  if (!/\.zip$/i.test(path)) return [{ file, path }];
  try {
    return (await unzip(file)).map(({ path: inner, blob }) => ({ file: blob, path: inner }));
  } catch (error) {
    note(`${path} can’t be unpacked. ${error.message}`);
    return [];
  }
}

/** The folder that a file lies in. */
function folder(path) {
  return path.split("/").at(-2) ?? "";
}

async function walked(entry, file) {
  if (!entry?.isDirectory) return file ? [{ file, path: entry?.fullPath.slice(1) || file.name }] : [];
  const inside = await children(entry.createReader());
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

/** Its shorter side SHORTER_SIDE; as it is, if that isn't smaller or the browser doesn't know the format. */
async function smaller(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
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

/** "a.png, b.png and 3 more" */
export function names(pictures, most = 3) {
  const shown = pictures.slice(0, most).map(({ filename }) => filename);
  return listed(pictures.length > most ? [...shown, `${pictures.length - most} more`] : shown);
}
