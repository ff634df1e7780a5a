/**
 * Where the pixels are that a convolution multiplies, as code of 64-bit x86
 * processors with AVX-512: 16 pixels at a time.
 *
 * @module
 */

import { type Assembler, R8, R9, RAX, RCX, RDI, RDX, RSI } from "./_x86.ts";

/** Words that the function is called with. */
export const LOCATE_ARGUMENTS = [
  ...["starts", "listBytes", "count", "segments", "segmentCount"],
  ...["height", "width", "rowBytes", "pixelBytes"],
  ...["origin", "zeros", "pointers", "segmentStride"],
] as const;

/** Bytes of a segment in its table. */
const SEGMENT_BYTES = 20;

/**
 * Writes a function: for each segment, a row and a column of the table at
 * `segments`, it stores where these pixels' numbers are: as many words as
 * `count` says, filled up to whole vectors. Three lists at `starts`, `listBytes` apart,
 * say of each output pixel in which row and column of the input segment (0, 0)
 * is, and how many bytes behind `origin`. Pixels outside of the image are at
 * `zeros`.
 *
 * @returns Where it starts.
 */
export function writeLocate(code: Assembler): number {
  const start = code.length;
  const word = (name: typeof LOCATE_ARGUMENTS[number]) => ({
    base: RDI,
    offset: LOCATE_ARGUMENTS.indexOf(name) * 4,
  });
  const [segment, pointers, list, listBytes, at] = [R8, R9, 10, 11, RCX];
  const [HEIGHT, WIDTH, ZEROS, DOWN, RIGHT, OFFSET] = [16, 17, 18, 19, 20, 21];
  const [PLACE, ADDRESS] = [0, 1];
  const [INSIDE] = [1];
  code.moveWord(RDI, RDI);
  code.calculate("add", RDI, RSI);
  for (
    const [register, name] of [
      [segment, "segments"],
      [pointers, "pointers"],
      [list, "starts"],
    ] as const
  ) {
    code.moveWord(register, word(name));
    code.calculate("add", register, RSI);
  }
  code.moveWord(listBytes, word("listBytes"));
  code.broadcast(HEIGHT, word("height"));
  code.broadcast(WIDTH, word("width"));
  code.broadcast(ZEROS, word("zeros"));
  code.moveWord(RSI, word("segmentCount"));
  const [next, done] = [code.label(), code.label()];
  code.place(next);
  code.calculateConstant("subtract", RSI, 1);
  code.jump(done, "below");
  code.broadcast(DOWN, { base: segment });
  code.broadcast(RIGHT, { base: segment, offset: 4 });
  code.moveWord(RAX, { base: segment });
  code.multiplyWord(RAX, word("rowBytes"));
  code.moveWord(RDX, { base: segment, offset: 4 });
  code.multiplyWord(RDX, word("pixelBytes"));
  code.addWord(RAX, RDX);
  code.moveWord(RDX, { base: segment, offset: 8 });
  code.addWord(RDX, RDX);
  code.addWord(RDX, RDX);
  code.addWord(RAX, RDX);
  code.addWord(RAX, word("origin"));
  code.broadcastWord(OFFSET, RAX);
  code.moveWord(RDX, word("count"));
  code.set(at, 0);
  const vector = code.label();
  code.place(vector);
  code.load(PLACE, { base: list, index: at, scale: 4 });
  code.vectors("addWords", PLACE, PLACE, DOWN);
  code.below(INSIDE, PLACE, HEIGHT);
  code.move(RAX, list);
  code.calculate("add", RAX, listBytes);
  code.load(PLACE, { base: RAX, index: at, scale: 4 });
  code.vectors("addWords", PLACE, PLACE, RIGHT);
  code.below(INSIDE, PLACE, WIDTH, INSIDE);
  code.calculate("add", RAX, listBytes);
  code.load(PLACE, { base: RAX, index: at, scale: 4 });
  code.vectors("and", ADDRESS, ZEROS, ZEROS);
  code.vectors("addWords", ADDRESS, PLACE, OFFSET, INSIDE);
  code.storeVector({ base: pointers, index: at, scale: 4 }, ADDRESS);
  code.calculateConstant("add", at, 16);
  code.calculate("compare", at, RDX);
  code.jump(vector, "below");
  code.calculateConstant("add", segment, SEGMENT_BYTES);
  code.moveWord(RAX, word("segmentStride"));
  code.calculate("add", pointers, RAX);
  code.jump(next);
  code.place(done);
  code.return();
  return start;
}
