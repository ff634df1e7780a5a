import { assertEquals } from "@std/assert";
import {
  chooseGemm,
  formatChoice,
  gemmCandidates,
  type GemmSizes,
  splitCandidates,
  usableChoice,
} from "./_gemm_choice.ts";
import type { Traits } from "./_runtime.ts";

const SOFTWARE: Traits = {
  software: true,
  vectorLanes: 8,
  busyGroups: 8,
  maxInvocations: 1024,
  maxWorkgroupBytes: 32768,
};

const HARDWARE: Traits = {
  software: false,
  vectorLanes: 32,
  busyGroups: 256,
  maxInvocations: 256,
  maxWorkgroupBytes: 16384,
};

function product(m: number, n: number, k: number, problems = 1): GemmSizes {
  return { problems, m, n, rowsAlike: m, segments: 1, length: k };
}

const splitsOf = (sizes: GemmSizes, traits: Traits) => {
  const { segmentSplits, lengthSplits } = chooseGemm(sizes, traits);
  return [segmentSplits, lengthSplits];
};

Deno.test("chooseGemm() shares memory in a workgroup on hardware only", () => {
  const sizes = product(512, 512, 512);
  assertEquals(chooseGemm(sizes, SOFTWARE).variant, "registers");
  assertEquals(chooseGemm(sizes, HARDWARE).variant, "tiles");
});

Deno.test("chooseGemm() takes the largest tile that keeps the device busy", () => {
  const tile = (size: number) => {
    const { rows, lanesM } = chooseGemm(product(size, size, 64), HARDWARE);
    return rows * lanesM;
  };
  assertEquals(tile(4096), 128);
  assertEquals(tile(1024), 64);
  assertEquals(tile(256), 32);
});

Deno.test("chooseGemm() stays within the limits of WebGPU", () => {
  for (const maxInvocations of [64, 128, 256]) {
    for (const maxWorkgroupBytes of [4096, 8192, 16384]) {
      const choice = chooseGemm(product(8192, 8192, 8192), {
        ...HARDWARE,
        maxInvocations,
        maxWorkgroupBytes,
      });
      const { rows, columns, lanesM, lanesN } = choice;
      assertEquals(lanesM * lanesN <= maxInvocations, true);
      const bytes = 4 * 16 * (rows * lanesM + columns * lanesN);
      assertEquals(bytes <= maxWorkgroupBytes, true);
    }
  }
});

Deno.test("chooseGemm() gives all lanes of a workgroup rows when there are few columns", () => {
  const { lanesM, lanesN } = chooseGemm(product(4096, 8, 64), SOFTWARE);
  assertEquals([lanesM, lanesN], [32, 2]);
});

Deno.test("chooseGemm() splits long sums of few results only", () => {
  assertEquals(splitsOf(product(8, 8, 2048), SOFTWARE), [1, 8]);
  assertEquals(splitsOf(product(8, 8, 128), SOFTWARE), [1, 1]);
  assertEquals(splitsOf(product(8, 8, 65536), HARDWARE), [1, 64]);
  assertEquals(splitsOf(product(4096, 4096, 65536), HARDWARE), [1, 1]);
});

Deno.test("chooseGemm() shares rows in subgroups of eight on software adapters, unless a directive is needed", () => {
  const sizes = product(512, 512, 64);
  const choose = (size: number, directive: string, of = sizes) =>
    chooseGemm(of, { ...SOFTWARE, subgroups: { size, directive } });
  const { variant, rows, columns, lanesN } = choose(8, "");
  assertEquals([variant, rows, columns, lanesN], ["subgroups", 16, 4, 8]);
  assertEquals(choose(4, "").variant, "registers");
  assertEquals(choose(8, "enable subgroups;").variant, "registers");
  for (const [m, n] of [[512, 16], [31, 512], [40, 512]]) {
    assertEquals(choose(8, "", product(m, n, 64)).variant, "registers");
  }
});

Deno.test("chooseGemm() splits long sums for the cache of a software adapter", () => {
  // ResNet-50: the gradient of 64 × 256 weights by 8 images of 56 × 56.
  const weights = product(64, 256, 8 * 56 * 56);
  assertEquals(splitsOf(weights, { ...SOFTWARE, busyGroups: 1 }), [1, 49]);
  // Eight partial results would take four times the operands.
  assertEquals(splitsOf(product(4096, 4096, 4096), SOFTWARE), [1, 2]);
});

Deno.test("chooseGemm() gives a lane of a software adapter 8 columns where there are many", () => {
  const columns = (n: number) =>
    chooseGemm(product(64, n, 64), SOFTWARE).columns;
  assertEquals([3, 8, 10, 16, 768].map(columns), [4, 4, 8, 8, 8]);
});

Deno.test("chooseGemm() splits segments before it splits what is in them", () => {
  const sizes = { ...product(16, 16, 64), segments: 32 };
  assertEquals(splitsOf(sizes, SOFTWARE), [8, 1]);
  assertEquals(splitsOf({ ...sizes, segments: 3, length: 1024 }, SOFTWARE), [
    3,
    2,
  ]);
});

Deno.test("chooseGemm() leaves no range of a split empty", () => {
  for (let length = 256; length < 20_000; length += 333) {
    const [, splits] = splitsOf(product(4, 4, length), HARDWARE);
    const perSplit = Math.ceil(Math.ceil(length / 16) / splits) * 16;
    assertEquals((splits - 1) * perSplit < length, true, `${length}`);
  }
});

Deno.test("chooseGemm() takes 4 rows at a time when 8 would be filled up", () => {
  const rows = (rowsAlike: number) =>
    chooseGemm({ ...product(36, 8, 64), rowsAlike }, SOFTWARE).rows;
  assertEquals([3, 4, 12, 16, 36].map(rows), [4, 4, 4, 8, 8]);
});

Deno.test("gemmCandidates() begins with what chooseGemm() takes, and all of them can be used", () => {
  for (const traits of [SOFTWARE, HARDWARE]) {
    for (const sizes of [product(4096, 64, 576), product(30, 3, 9, 5)]) {
      const candidates = gemmCandidates(sizes, traits);
      assertEquals(candidates[0], chooseGemm(sizes, traits));
      for (const choice of candidates) {
        assertEquals(usableChoice(formatChoice(choice), traits), choice);
      }
      assertEquals(
        new Set(candidates.map(formatChoice)).size,
        candidates.length,
      );
    }
  }
});

Deno.test("gemmCandidates() has no tiles on software adapters, and no lanes without columns", () => {
  const candidates = gemmCandidates(product(512, 12, 64), SOFTWARE);
  assertEquals(
    candidates.every(({ variant }) => variant === "registers"),
    true,
  );
  assertEquals(Math.max(...candidates.map(({ lanesN }) => lanesN)), 4);
  const tiles = gemmCandidates(product(512, 512, 64), HARDWARE)
    .filter(({ variant }) => variant === "tiles");
  assertEquals(tiles.length, 6);
});

Deno.test("splitCandidates() has fewer and more partial results, where they can be", () => {
  const sizes = product(8, 8, 65536);
  const splits = (wanted: GemmSizes) =>
    splitCandidates(wanted, {
      ...chooseGemm(sizes, HARDWARE),
      lengthSplits: 16,
    })
      .map(({ lengthSplits }) => lengthSplits);
  assertEquals(splits(sizes), [16, 1, 4, 8, 32, 64]);
  const whole = { ...chooseGemm(sizes, HARDWARE), lengthSplits: 1 };
  assertEquals(splitCandidates({ ...sizes, whole: true }, whole), [whole]);
  // Four of these results would take all that a buffer of 256 MiB has.
  assertEquals(splitCandidates(product(4096, 4096, 1024), whole), [whole]);
});

Deno.test("usableChoice() takes no text that computes nothing or does not fit", () => {
  const subgroups = { size: 8, directive: "" };
  const takes = (text: string) =>
    usableChoice(text, { ...HARDWARE, subgroups }) !== undefined;
  assertEquals(takes("tiles 8x8 16x16 1x1"), true);
  assertEquals(takes("registers 4x8 32x2 2x8"), true);
  assertEquals(takes("registers 8x16 16x4 1x1"), true);
  assertEquals(takes("subgroups 16x4 8x8 1x1"), true);
  for (
    const text of [
      ...["", "tiles", "tiles 8x8 16x16", "tiles 8x8 16x16 1x1 "],
      ...["columns 8x8 16x16 1x1", "tiles 5x8 16x16 1x1"],
      "tiles 8x16 16x16 1x1",
      // Fewer lanes than blocks to load.
      "tiles 8x8 4x64 1x1",
      // More lanes than the adapter has, and more memory.
      ...["tiles 8x8 32x16 1x1", "tiles 8x8 128x8 1x1"],
      // Other than 64 lanes.
      ...["registers 4x4 8x4 1x1", "registers 16x4 8x8 1x1"],
      ...["subgroups 4x4 8x8 1x1", "subgroups 8x8 16x4 1x1"],
      ...["tiles 8x8 16x16 0x1", "tiles 8x8 16x16 9x9"],
    ]
  ) assertEquals(takes(text), false, text);
  assertEquals(usableChoice("subgroups 16x4 8x8 1x1", HARDWARE), undefined);
});

Deno.test("chooseGemm() gives a lane 16 columns where there is work for vectors of 8 lanes", () => {
  const shape = (sizes: GemmSizes, vectorLanes: number) => {
    const choice = chooseGemm(sizes, { ...SOFTWARE, vectorLanes });
    return [choice.columns, choice.lanesM, choice.lanesN];
  };
  assertEquals(shape(product(512, 512, 512), 8), [16, 16, 4]);
  assertEquals(shape(product(512, 512, 512), 4), [8, 8, 8]);
  assertEquals(shape(product(128, 512, 512), 8), [8, 8, 8]);
  assertEquals(shape(product(4096, 48, 512), 8), [8, 8, 8]);
});
