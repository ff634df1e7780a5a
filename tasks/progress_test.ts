import { assertEquals } from "@std/assert";
import {
  formatDuration,
  ProgressLine,
  type ProgressOutput,
} from "./progress.ts";

class FakeOutput implements ProgressOutput {
  text = "";
  readonly columns: number | undefined;

  constructor(columns?: number) {
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }
}

Deno.test("ProgressLine writes a line for each report when it is no terminal", () => {
  const output = new FakeOutput();
  let now = 0;
  const progress = new ProgressLine(output, 100, () => now);
  progress.note("begin");
  for (let step = 1; step <= 100; step++) {
    now += 2000;
    progress.advance(step);
    if (step % 50 === 0) progress.report(step, "loss 1");
  }
  progress.finish();
  assertEquals(
    output.text,
    "begin\nstep  50/100  loss 1  1 min 40 s left\nstep 100/100  loss 1\n",
  );
});

Deno.test("ProgressLine redraws one line on a terminal, and not too often", () => {
  const output = new FakeOutput(30);
  let now = 0;
  const progress = new ProgressLine(output, 1000, () => now);
  for (let step = 1; step <= 3; step++) {
    progress.advance(step);
    now += 60;
  }
  progress.report(3, "a report that is longer than the line");
  progress.note("note");
  progress.finish();
  assertEquals(output.text.split("\r\x1b[K"), [
    "",
    "step    1/1000",
    "step    3/1000  1 min 00 s le",
    "step    3/1000  a report that",
    "note\n",
  ]);
});

Deno.test("formatDuration() chooses its units", () => {
  assertEquals(
    [0, 59_400, 60_000, 185_000, 3_599_000, 3_600_000, 8_000_000]
      .map(formatDuration),
    [
      "0 s",
      "59 s",
      "1 min 00 s",
      "3 min 05 s",
      "59 min 59 s",
      "1 h 00 min",
      "2 h 13 min",
    ],
  );
});
