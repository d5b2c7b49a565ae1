/** The files in a zip, as Blobs. */

const END = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES = 65535;
const ENTRY_BYTES = 46;
const HEAD_BYTES = 30;
const DEFLATED = 8;
const LARGE = 0xffffffff; // what stands where a number is elsewhere

/** @param {Blob} archive @returns {Promise<{path: string, blob: () => Promise<Blob>}[]>} @throws {Error} if it is none */
export async function unzip(archive) {
  const tail = await view(archive.slice(Math.max(0, archive.size - END_BYTES - COMMENT_BYTES)));
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("no zip");
  const [count, size, start] = [tail.getUint16(end + 10, true), tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  const directory = await view(archive.slice(start, start + size));
  const files = [];
  for (let place = 0, number = 0; number < count; number += 1) {
    const field = (offset, bytes) => (bytes === 2 ? directory.getUint16(place + offset, true) : directory.getUint32(place + offset, true));
    const name = field(28, 2);
    const path = new TextDecoder().decode(new Uint8Array(directory.buffer, place + ENTRY_BYTES, name));
    const entry = { method: field(10, 2), size: field(20, 4), start: field(42, 4) };
    if ([entry.size, entry.start].includes(LARGE)) throw new Error("a zip64");
    if (!path.endsWith("/")) files.push({ path, blob: () => contents(archive, entry) });
    place += ENTRY_BYTES + name + field(30, 2) + field(32, 2);
  }
  return files;
}

async function contents(archive, { method, size, start }) {
  const head = await view(archive.slice(start, start + HEAD_BYTES));
  const first = start + HEAD_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
  const packed = archive.slice(first, first + size);
  if (method !== DEFLATED) return packed;
  return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}

async function view(blob) {
  return new DataView(await blob.arrayBuffer());
}
