/**
 * Numbers in the format that TensorBoard reads: TFRecord files of `Event`
 * messages (tensorflow/core/util/event.proto).
 *
 * @module
 */

const encoder = new TextEncoder();

/** Castagnoli's polynomial, with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
  }
  return crc;
});

/**
 * The checksum CRC-32C.
 *
 * @param bytes Of what.
 * @returns 32 bits.
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ crc >>> 8;
  }
  return ~crc >>> 0;
}

/** TFRecord turns and shifts checksums, so that one of data with checksums inside is a good one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (crc >>> 15 | crc << 17) + 0xa282ead8 >>> 0;
}

/**
 * Frames a message as a TFRecord: length, its checksum, the message, its
 * checksum.
 */
function record(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc(message), true);
  return bytes;
}

/** How the content of a field is written. */
const WIRE = { varint: 0, double: 1, bytes: 2, float: 5 } as const;

function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + 128);
  }
  return [...bytes, rest];
}

function field(
  number: number,
  wire: number,
  content: Iterable<number>,
): number[] {
  return [...varint(number << 3 | wire), ...content];
}

function bytesField(number: number, content: ArrayLike<number>): number[] {
  const bytes = Array.from(content);
  return field(number, WIRE.bytes, [...varint(bytes.length), ...bytes]);
}

function wallTime(milliseconds: number): number[] {
  const bytes = new Uint8Array(Float64Array.of(milliseconds / 1000).buffer);
  return field(1, WIRE.double, bytes);
}

/**
 * What an event file begins with.
 *
 * @param milliseconds The time, since 1970.
 * @returns A record.
 */
export function encodeEventHeader(milliseconds: number): Uint8Array {
  const version = bytesField(3, encoder.encode("brain.Event:2"));
  return record(Uint8Array.from([...wallTime(milliseconds), ...version]));
}

/**
 * Numbers of one step.
 *
 * @param milliseconds The time, since 1970.
 * @param step The step.
 * @param scalars The numbers by name; they are kept in 32 bits.
 * @returns A record.
 */
export function encodeScalars(
  milliseconds: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    bytesField(1, [
      ...bytesField(1, encoder.encode(tag)),
      ...field(2, WIRE.float, new Uint8Array(Float32Array.of(value).buffer)),
    ])
  );
  return record(Uint8Array.from([
    ...wallTime(milliseconds),
    ...field(2, WIRE.varint, varint(step)),
    ...bytesField(5, values),
  ]));
}
