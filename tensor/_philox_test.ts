import { assertEquals } from "@std/assert";
import { philox, philoxWords } from "./_philox.ts";

// The known answers of Random123 (kat_vectors, "philox4x32 10").
const KNOWN = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

Deno.test("philox() gives the known answers of Random123", () => {
  for (const { counter, key, expected } of KNOWN) {
    const block = Uint32Array.from(counter);
    philox(block, key[0], key[1]);
    assertEquals([...block], expected);
  }
});

Deno.test("philoxWords() counts blocks in the first word, streams in the last two, seeds in the key", () => {
  const state = {
    seedLow: 1,
    seedHigh: 2,
    streamLow: 3,
    streamHigh: 4,
  };
  const words = philoxWords(state, 7);
  const second = Uint32Array.of(1, 0, 3, 4);
  philox(second, 1, 2);
  assertEquals(words.length, 7);
  assertEquals([...words.subarray(4)], [...second.subarray(0, 3)]);
});

Deno.test("philoxWords() gives the beginning of a longer sequence when asked for less", () => {
  const state = { seedLow: 9, seedHigh: 0, streamLow: 0, streamHigh: 0 };
  assertEquals(philoxWords(state, 0).length, 0);
  assertEquals(
    [...philoxWords(state, 5)],
    [...philoxWords(state, 12).subarray(0, 5)],
  );
});
