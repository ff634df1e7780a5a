import { assertAlmostEquals } from "@std/assert";
import {
  ROWS_STRIPS,
  STRIP_BYTES,
  STRIP_PAGES,
  writeStrips,
} from "./_strips.ts";
import { compileKernels } from "./_wasm.ts";

type Strip = (...parameters: number[]) => void;

/** Where the test puts what it multiplies. */
const A = 131_072;
const TARGET = 262_144;
const TABLE = 65_536;

/** Two tiles of A times the slab, as strips that start in the middle of memory compute it. */
function strips(relaxedSimd: boolean, shared: boolean) {
  const memory = new WebAssembly.Memory({
    initial: STRIP_PAGES,
    maximum: 65_536,
    shared,
  });
  const address = 4096;
  const module = new WebAssembly.Module(
    writeStrips({ address, relaxedSimd, shared }),
  );
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const floats = new Float32Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  for (let i = 0; i < 147 * 16; i++) floats[address / 4 + i] = i % 13 - 6;
  for (let i = 0; i < 8 * 147; i++) floats[A / 4 + i] = i % 7 - 3;
  return { exports, floats, words, address };
}

const relaxed = (await compileKernels()).relaxedSimd;

for (const relaxedSimd of relaxed ? [true, false] : [false]) {
  for (const shared of [true, false]) {
    Deno.test(`strips add up rows and columns, relaxed SIMD ${relaxedSimd}, shared memory ${shared}`, () => {
      for (
        const { runs, length } of ROWS_STRIPS
      ) {
        const { exports, floats, words, address } = strips(relaxedSimd, shared);
        // A[row][k] lies in `runs` pieces, all pieces 0 first, then all pieces 1.
        const place = (row: number, k: number) =>
          A / 4 + (Math.floor(k / length) * 8 + row) * length + k % length;
        for (let tile = 0; tile < 2; tile++) {
          for (let run = 0; run < runs; run++) {
            for (let r = 0; r < 4; r++) {
              words[TABLE / 4 + (tile * runs + run) * 4 + r] = 4 *
                place(tile * 4 + r, run * length);
            }
          }
          for (let r = 0; r < 4; r++) {
            words[TABLE / 4 + 128 + tile * 4 + r] = TARGET +
              (tile * 4 + r) * 64;
          }
        }
        const rows = exports[`rows${runs}x${length}`] as Strip;
        const targets = TABLE + 512;
        rows(TABLE, runs * 16, targets, 1024, TARGET, 2);
        rows(TABLE, runs * 16, targets, 1024, 0, 2);
        for (let row = 0; row < 8; row++) {
          for (let column = 0; column < 16; column++) {
            let sum = 0;
            for (let k = 0; k < runs * length; k++) {
              sum += floats[place(row, k)] *
                floats[address / 4 + k * 16 + column];
            }
            const target = TARGET / 4 + 256 + row * 16 + column;
            assertAlmostEquals(floats[target], 2 * sum, 1e-3);
          }
        }
      }

      const { exports, floats, words, address } = strips(relaxedSimd, shared);
      const pointers = (address + STRIP_BYTES - 128 - 64 - 256) / 4;
      for (let k = 0; k < 64; k++) words[pointers + k] = A + k * 32 - 16;
      const columns = exports.columns as Strip;
      columns(16, TARGET, 128, 0, 2);
      columns(16, TARGET, 128, 1, 2);
      for (let row = 0; row < 8; row++) {
        for (let column = 0; column < 16; column++) {
          let sum = 0;
          for (let k = 0; k < 64; k++) {
            sum += floats[A / 4 + k * 8 + row] *
              floats[address / 4 + k * 16 + column];
          }
          const target = TARGET / 4 + row * 32 + column;
          assertAlmostEquals(floats[target], 2 * sum, 1e-3);
        }
      }
    });
  }
}
