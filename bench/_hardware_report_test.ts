import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type CramEntry,
  hardwareRow,
  hardwareTable,
  type TorchEntry,
} from "./_hardware_report.ts";

const CRAM: CramEntry = {
  milliseconds: { median: 20, min: 19 },
  samplesPerSecond: 3200,
  gflops: null,
  hostMilliseconds: 5,
  partOfPeak: 0.25,
  dispatches: 700,
  submits: 2.5,
  readBacks: 0,
  tensorBytes: 2 ** 20,
  reservedBytes: 2 ** 21,
};
const TORCH: TorchEntry = {
  milliseconds: { median: 30, min: 30 },
  samplesPerSecond: 2133,
  gflops: null,
  reservedBytes: 3 * 2 ** 20,
  difference: 1e-6,
  variant: "channels_last",
};
const NAMED = {
  name: "work",
  precision: "float32",
  tuned: false,
} as const;

Deno.test("hardwareRow() compares with PyTorch", () => {
  const row = hardwareRow({ ...NAMED, cram: CRAM, torch: TORCH });
  assertEquals([row.speedRatio, row.memoryRatio], [1.5, 1.5]);
  const alone = hardwareRow({ ...NAMED, cram: CRAM, torch: null });
  assertEquals([alone.speedRatio, alone.memoryRatio], [null, null]);
});

Deno.test("hardwareTable() has the columns that something is known of, and failures", () => {
  const [header, first, second, failure] = hardwareTable([
    hardwareRow({ ...NAMED, cram: CRAM, torch: TORCH }),
    hardwareRow({ ...NAMED, cram: { error: "too large" }, torch: TORCH }),
  ]).split("\n");
  assertEquals(
    header.split(/ {2,}/),
    "work,precision,ms,samples/s,% of peak,host ms,dispatches,submits,read-backs,MiB,PyTorch ms,its MiB,its ms ÷ ms,its MiB ÷ MiB,difference"
      .split(","),
  );
  assertEquals(
    first.split(/ {2,}/),
    "work,float32,20,3200,25,5,700,2.5,0,2,30,3,1.5,1.5,0.000001".split(","),
  );
  assertStringIncludes(second, "30");
  assertEquals(failure, "cram at work in float32: too large");
});

Deno.test("hardwareTable() tells rows with tuned kernels", () => {
  const row = hardwareRow({ ...NAMED, tuned: true, cram: CRAM, torch: null });
  const [header, first] = hardwareTable([row]).split("\n");
  assertEquals(header.split(/ {2,}/).slice(0, 4), [
    ...["work", "precision", "kernels", "ms"],
  ]);
  assertEquals(first.split(/ {2,}/)[2], "tuned");
});
