/**
 * Both builds of the kernels as one text. What they share is stored once, so
 * that the text is hardly longer than one of them.
 *
 * @module
 */

/** How many bytes of one build follow as many of the other: both then lie within the 32 KB that gzip looks back. */
const TURN_BYTES = 8192;

/**
 * Packs two binaries that are much alike.
 *
 * @param first One of them.
 * @param second The other one.
 * @param gzip Makes a gzip file of bytes. Default: as the platform does.
 * @returns Base64 of their lengths and of their bytes in turns, by gzip.
 */
export async function packKernels(
  first: Uint8Array<ArrayBuffer>,
  second: Uint8Array<ArrayBuffer>,
  gzip: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array> = (bytes) =>
    transform(new Blob([bytes]), new CompressionStream("gzip")),
): Promise<string> {
  const parts = [Uint32Array.of(first.length, second.length)];
  const turns = Array.from(
    turnsOf(first.length, second.length),
    ([start, end]) => [first.subarray(start, end), second.subarray(start, end)],
  );
  const bytes = await new Blob([...parts, ...turns.flat()]).arrayBuffer();
  const packed = await gzip(new Uint8Array(bytes));
  return btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Unpacks what {@linkcode packKernels} packed.
 *
 * @param text Its result.
 * @returns Both binaries.
 */
export async function unpackKernels(
  text: string,
): Promise<[first: Uint8Array<ArrayBuffer>, second: Uint8Array<ArrayBuffer>]> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const bytes = await transform(
    new Blob([packed]),
    new DecompressionStream("gzip"),
  );
  const [firstLength, secondLength] = new Uint32Array(bytes.buffer, 0, 2);
  const first = new Uint8Array(firstLength);
  const second = new Uint8Array(secondLength);
  let position = 8;
  for (const [start, end] of turnsOf(firstLength, secondLength)) {
    for (const binary of [first, second]) {
      const turn = binary.subarray(start, end);
      turn.set(bytes.subarray(position, position += turn.length));
    }
  }
  return [first, second];
}

/** Where turns start and end, until both binaries are through. */
function* turnsOf(
  first: number,
  second: number,
): Generator<[start: number, end: number]> {
  const most = Math.max(first, second);
  for (let start = 0; start < most; start += TURN_BYTES) {
    yield [start, start + TURN_BYTES];
  }
}

async function transform(
  blob: Blob,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const result = new Response(blob.stream().pipeThrough(stream));
  return new Uint8Array(await result.arrayBuffer());
}
