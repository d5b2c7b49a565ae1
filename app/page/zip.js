/** The files of a zip, unpacked by the browser. */

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LONGEST_COMMENT = 65535 + 22;
const MOST_ENTRIES = 5000;
const MOST_BYTES = 256 * 2 ** 20;
const UNPACKED = 0;
const DEFLATED = 8;

/**
 * @param {Blob} zip
 * @returns {Promise<{path: string, blob: Blob}[]>} without folders
 * @throws {Error} that says, in words, why it can't be used
 */
export async function unzip(zip) {
  const entries = await directory(zip);
  if (entries.length > MOST_ENTRIES) throw new Error(`It has more than ${MOST_ENTRIES} files.`);
  const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (bytes > MOST_BYTES) throw new Error("It unpacks to more than 256 MB.");
  return Promise.all(entries.map(async (entry) => ({ path: entry.path, blob: await content(zip, entry) })));
}

/** The list at the end of the file. */
async function directory(zip) {
  const tail = await view(zip.slice(Math.max(0, zip.size - LONGEST_COMMENT)));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("It isn’t a whole zip file.");
  const [size, start] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  const list = await view(zip.slice(start, start + size));
  const entries = [];
  for (let at = 0; at + 46 <= list.byteLength && list.getUint32(at, true) === ENTRY; ) {
    const [name, extra, comment] = [28, 30, 32].map((field) => list.getUint16(at + field, true));
    entries.push({
      path: new TextDecoder().decode(new Uint8Array(list.buffer, at + 46, name)),
      encrypted: Boolean(list.getUint16(at + 8, true) & 1),
      method: list.getUint16(at + 10, true),
      packed: list.getUint32(at + 20, true),
      size: list.getUint32(at + 24, true),
      offset: list.getUint32(at + 42, true),
    });
    at += 46 + name + extra + comment;
  }
  return entries.filter((entry) => !entry.path.endsWith("/"));
}

async function content(zip, entry) {
  if (entry.encrypted) throw new Error("It is encrypted.");
  const head = await view(zip.slice(entry.offset, entry.offset + 30));
  const start = entry.offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const packed = zip.slice(start, start + entry.packed);
  if (entry.method === UNPACKED) return packed;
  if (entry.method !== DEFLATED) throw new Error(`${entry.path} is packed in a way that browsers can’t read.`);
  return inflated(packed, entry);
}

/** Stops where there is more than the list says. */
async function inflated(packed, entry) {
  const reader = packed.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const chunks = [];
  let size = 0;
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    size += value.length;
    if (size > entry.size) throw new Error(`${entry.path} is damaged.`);
    chunks.push(value);
  }
  return new Blob(chunks);
}

async function view(blob) {
  return new DataView(await blob.arrayBuffer());
}
