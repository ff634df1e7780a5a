import type { Assembler, Memory } from "./_x86.ts";

/** Repeats something that increases a counter until that has reached an end. */
export function repeat(
  code: Assembler,
  counter: number,
  end: number | Memory,
  body: () => void,
): void {
  const [again, done] = [code.label(), code.label()];
  code.calculate("compare", counter, end);
  code.jump(done, "notBelow");
  code.place(again);
  body();
  code.calculate("compare", counter, end);
  code.jump(again, "below");
  code.place(done);
}
