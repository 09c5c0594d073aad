// An archive of the files that somebody has chosen: a tar, which needs no compression.

const BLOCK = 512; // bytes
const MAX_NAME = 100; // bytes
const encoder = new TextEncoder();

/** Return a tar of files, without folders. Throws an Error whose message is for the user. */
export function packFiles(files) {
  const parts = files.flatMap((file) => [makeHeader(file), file, new Uint8Array((BLOCK - (file.size % BLOCK)) % BLOCK)]);
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

function makeHeader({ name, size, lastModified }) {
  const header = new Uint8Array(BLOCK);
  const write = (offset, text) => header.set(encoder.encode(text), offset);
  const octal = (number, length) => number.toString(8).padStart(length - 1, "0");
  if (encoder.encode(name).length > MAX_NAME) throw new Error(`The name of the file ${name} is too long.`);
  write(0, name);
  write(100, octal(0o755, 8)); // scripts can be executed
  write(108, octal(0, 8)); // the ids of user and group
  write(116, octal(0, 8));
  write(124, octal(size, 12));
  write(136, octal(Math.floor(lastModified / 1000), 12));
  write(148, " ".repeat(8)); // the checksum is that of a header with spaces in its place
  write(156, "0");
  write(257, "ustar");
  write(263, "00");
  write(148, `${octal(header.reduce((sum, each) => sum + each, 0), 7)}\0 `);
  return header;
}
