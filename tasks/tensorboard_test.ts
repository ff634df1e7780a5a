import { assertEquals } from "@std/assert";
import { crc32c, encodeEventHeader, encodeScalars } from "./tensorboard.ts";

const encoder = new TextEncoder();

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

Deno.test("crc32c() agrees with RFC 3720", () => {
  assertEquals(crc32c(encoder.encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

Deno.test("encodeEventHeader() writes the version of the format", () => {
  const bytes = encodeEventHeader(1000);
  const message = "09" + "000000000000f03f" + // wall_time: 1.0
    "1a0d" + hex(encoder.encode("brain.Event:2")); // file_version
  // Every file that TensorFlow writes begins with these bytes.
  assertEquals(hex(bytes.subarray(0, 12)), "1800000000000000a37f4b22");
  assertEquals(hex(bytes.subarray(12, -4)), message);
});

Deno.test("encodeScalars() writes one value for each number", () => {
  const bytes = encodeScalars(1000, 300, { a: 1, bc: -2 });
  const message = "09" + "000000000000f03f" + // wall_time: 1.0
    "10ac02" + // step: 300
    "2a15" + // summary
    "0a08" + "0a0161" + "150000803f" + // a: 1
    "0a09" + "0a026263" + "15000000c0"; // bc: -2
  assertEquals(hex(bytes.subarray(12, -4)), message);
  assertEquals(bytes.length, message.length / 2 + 16);
});
