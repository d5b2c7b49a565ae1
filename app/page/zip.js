/** A zip of files as they are: pictures are compressed already. */

const UTF8 = 0x0800;
const VERSION = 20;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** @param {{path: string, blob: Blob}[]} files @returns {Promise<Blob>} */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { path, blob } of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const name = new TextEncoder().encode(path);
    const about = [VERSION, UTF8, 0, 0, 33].flatMap(two).concat([crc(bytes), bytes.length, bytes.length].flatMap(four), [name.length, 0].flatMap(two));
    const head = Uint8Array.from([...four(0x04034b50), ...about]);
    parts.push(head, name, blob);
    directory.push(Uint8Array.from([...four(0x02014b50), ...two(VERSION), ...about, ...[0, 0, 0].flatMap(two), ...four(0), ...four(offset)]), name);
    offset += head.length + name.length + bytes.length;
  }
  const size = directory.reduce((sum, each) => sum + each.length, 0);
  const end = [...four(0x06054b50), ...[0, 0, files.length, files.length].flatMap(two), ...four(size), ...four(offset), ...two(0)];
  return new Blob([...parts, ...directory, Uint8Array.from(end)], { type: "application/zip" });
}

function crc(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

function two(number) {
  return [number & 0xff, (number >>> 8) & 0xff];
}

function four(number) {
  return [...two(number), ...two(number >>> 16)];
}
