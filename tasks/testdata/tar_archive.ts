/** Makes tar archives for tests. */

const BLOCK = 512;
const encoder = new TextEncoder();

/** A file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  readonly content: Uint8Array | string;
  /** The type flag; by default "0", an ordinary file. */
  readonly type?: string;
  /** Changes the finished header, before its checksum is written. */
  readonly change?: (header: Uint8Array) => void;
}

/** An archive with ustar headers. */
export function tarArchive(
  files: readonly ArchiveFile[],
  options: { readonly end?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (const { name, content, type = "0", change } of files) {
    const bytes = typeof content === "string"
      ? encoder.encode(content)
      : content;
    const header = new Uint8Array(BLOCK);
    const put = (offset: number, text: string): void =>
      header.set(encoder.encode(text), offset);
    put(0, name);
    put(100, "0000644\0");
    put(124, bytes.length.toString(8).padStart(11, "0") + "\0");
    put(136, "00000000000\0");
    put(148, " ".repeat(8));
    put(156, type);
    put(257, "ustar\x0000");
    change?.(header);
    const checksum = header.reduce((sum, byte) => sum + byte, 0);
    put(148, checksum.toString(8).padStart(6, "0") + "\0 ");
    const padded = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
    padded.set(bytes);
    blocks.push(header, padded);
  }
  if (options.end ?? true) blocks.push(new Uint8Array(2 * BLOCK));
  const archive = new Uint8Array(
    blocks.reduce((sum, block) => sum + block.length, 0),
  );
  let offset = 0;
  for (const block of blocks) {
    archive.set(block, offset);
    offset += block.length;
  }
  return archive;
}
