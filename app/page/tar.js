/** A folder as one file to send: a tar, with names in UTF-8 of any length (POSIX pax). */

const BLOCK = 512;
const FILE = "0";
const FOLDER = "5";
const NAME_OF_NEXT = "x";
const encoder = new TextEncoder();

/** @param {{file: Blob|null, path: string}[]} files a folder has no file @returns {File} */
export function tar(files) {
  const parts = files.flatMap(({ file, path }) => {
    const name = encoder.encode(record(path));
    const content = file ?? new Blob();
    return [head(NAME_OF_NEXT, name.length), name, rest(name.length), head(file ? FILE : FOLDER, content.size), content, rest(content.size)];
  });
  return new File([...parts, new Uint8Array(2 * BLOCK)], "folder.tar");
}

/** The line `length path=…`, whose length counts itself. */
function record(path) {
  const line = ` path=${path}\n`;
  const bytes = encoder.encode(line).length;
  let length = bytes;
  while (length !== bytes + String(length).length) length = bytes + String(length).length;
  return `${length}${line}`;
}

/** The block before each content. */
function head(type, size) {
  const block = new Uint8Array(BLOCK);
  const put = (text, place) => block.set(encoder.encode(text), place);
  put("named above", 0);
  put("0000644\0", 100);
  put(`${size.toString(8).padStart(11, "0")}\0`, 124);
  put("        ", 148); // the check sum counts its own place as blanks
  put(type, 156);
  put("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Zeros to the end of the block. */
function rest(size) {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}
