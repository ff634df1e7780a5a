import { assert, assertEquals } from "@std/assert";
import {
  bfloat16Bits,
  bfloat16Value,
  float16Bits,
  float16Value,
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
} from "./float16.ts";

const FORMATS = [
  { name: "float16", encode: float16Bits, decode: float16Value, mantissa: 10 },
  {
    name: "bfloat16",
    encode: bfloat16Bits,
    decode: bfloat16Value,
    mantissa: 7,
  },
];

for (const { name, encode, decode, mantissa } of FORMATS) {
  const infinity = 0x7fff >> mantissa << mantissa;

  Deno.test(`${name}Bits() restores all 65,536 patterns`, () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = decode(bits);
      if ((bits & 0x7fff) > infinity) {
        assert(Number.isNaN(value), `${bits}`);
        assert((encode(value) & 0x7fff) > infinity, `${bits}`);
      } else if (encode(value) !== bits) {
        assertEquals(encode(value), bits);
      }
    }
  });

  Deno.test(`${name}Bits() rounds to the nearest and ties to even between all neighbours`, () => {
    for (let bits = 0; bits < infinity; bits++) {
      const low = decode(bits);
      // Behind the largest number, rounding is to where the next would lie.
      const high = bits + 1 === infinity
        ? 2 * low - decode(bits - 1)
        : decode(bits + 1);
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const cases = [
        [low + (high - low) * 0.25, bits],
        [middle * (1 - 2 ** -50), bits],
        [middle, even],
        [middle * (1 + 2 ** -50), bits + 1],
        [low + (high - low) * 0.75, bits + 1],
      ];
      for (const [value, expected] of cases) {
        if (
          encode(value) !== expected || encode(-value) !== expected + 0x8000
        ) {
          assertEquals([value, encode(value)], [value, expected]);
          assertEquals([-value, encode(-value)], [-value, expected + 0x8000]);
        }
      }
    }
  });

  Deno.test(`${name}Bits() keeps infinities, the sign of zero and tiny numbers apart`, () => {
    assertEquals(encode(Infinity), infinity);
    assertEquals(encode(-Infinity), infinity | 0x8000);
    assertEquals(encode(Number.MAX_VALUE), infinity);
    assertEquals(encode(0), 0);
    assertEquals(encode(-0), 0x8000);
    assertEquals(encode(Number.MIN_VALUE), 0);
    assertEquals(encode(-Number.MIN_VALUE), 0x8000);
  });
}

Deno.test("float16Value() gives the numbers of IEEE 754", () => {
  assertEquals(float16Value(0x0001), 2 ** -24);
  assertEquals(float16Value(0x03ff), 2 ** -14 - 2 ** -24);
  assertEquals(float16Value(0x0400), 2 ** -14);
  assertEquals(float16Value(0x7bff), 65504);
  assertEquals(float16Bits(65519.99), 0x7bff);
  assertEquals(float16Bits(65520), 0x7c00);
});

Deno.test("bfloat16Value() gives the upper half of a float32", () => {
  assertEquals(bfloat16Value(0x0001), 2 ** -133);
  assertEquals(bfloat16Value(0x7f7f), 3.3895313892515355e38);
});

Deno.test("toFloat16() and toBfloat16() convert arrays", () => {
  const numbers = [1, -2.5, Infinity];
  assertEquals([...toFloat16(numbers)], [0x3c00, 0xc100, 0x7c00]);
  assertEquals([...fromFloat16(toFloat16(numbers))], numbers);
  assertEquals([...toBfloat16(numbers)], [0x3f80, 0xc020, 0x7f80]);
  assertEquals([...fromBfloat16(toBfloat16(numbers))], numbers);
});
