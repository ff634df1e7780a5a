import { assert, assertEquals } from "@std/assert";
import { median, relativeError, timeInRounds } from "./rounds.ts";

Deno.test("the median is the middle one, or between the middle two", () => {
  assertEquals(median([10, 1, 3]), 3);
  assertEquals(median([10, 1, 3, 4]), 3.5);
});

Deno.test("libraries are timed in turn, short calls several times", async () => {
  const log: string[] = [];
  const library = (name: string, times: number[]) => ({
    time(calls: number) {
      log.push(`${name} ${calls}`);
      return Promise.resolve(times.shift() as number);
    },
  });
  const times = await timeInRounds(
    new Map([
      ["a", library("a", [10, 9, 12, 8])],
      ["b", library("b", [60, 50, 70])],
    ]),
    { rounds: 2, sampleMilliseconds: 40, budgetMilliseconds: 1000 },
  );
  assertEquals(log, ["a 1", "a 4", "a 4", "b 1", "b 1", "a 4", "b 1"]);
  assertEquals(times.get("a"), { median: 10, min: 8, samples: 2 });
  assertEquals(times.get("b"), { median: 60, min: 50, samples: 2 });
});

Deno.test("slow libraries take part once, failing ones leave the others alone", async () => {
  let calls = 0;
  const times = await timeInRounds(
    new Map([
      ["slow", {
        time() {
          calls++;
          return Promise.resolve(500);
        },
      }],
      ["failing", { time: () => Promise.reject(new RangeError("no")) }],
    ]),
    { rounds: 5, sampleMilliseconds: 100, budgetMilliseconds: 400 },
  );
  assertEquals(calls, 1);
  assertEquals(times.get("slow"), { median: 500, min: 500, samples: 1 });
  assert(times.get("failing") instanceof RangeError);
});

Deno.test("the relative error is that of the worst output", () => {
  assertEquals(relativeError([[1, 2], [0]], [[1, 4], [0]]), 0.5);
  assertEquals(relativeError([[1, NaN]], [[1, 4]]), Infinity);
  assertEquals(relativeError([[1]], [[1, 4]]), Infinity);
  assertEquals(relativeError([[1]], [[1], [4]]), Infinity);
});
