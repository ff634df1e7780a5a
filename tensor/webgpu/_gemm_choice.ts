/** Which kernel computes a matrix product: a pure function of sizes and adapter. */

import type { Subgroups } from "./_subgroups.ts";

/** What the choice depends on besides: see `Traits`. */
export interface GemmTraits {
  readonly software: boolean;
  readonly vectorLanes: number;
  readonly busyGroups: number;
  readonly maxInvocations: number;
  readonly maxWorkgroupBytes: number;
  readonly subgroups?: Subgroups | undefined;
}

/** The sizes of a product `[m, k] · [k, n]`. */
export interface GemmSizes {
  /** Independent products of these sizes. */
  readonly problems: number;
  readonly m: number;
  readonly n: number;
  /** How many neighbouring rows of A can be loaded alike: `m` unless rows come from different places. */
  readonly rowsAlike: number;
  /** The inner dimension comes in segments of equal length (the rows or taps of a convolution's window). */
  readonly segments: number;
  readonly length: number;
  /** Whether the result must be computed at once, because there is no room for partial ones in its place. */
  readonly whole?: boolean;
}

/** How a product is computed. */
export interface GemmChoice {
  /**
   * `registers`: every invocation loads what it multiplies; no barriers.
   * `subgroups`: the invocations of a subgroup share rows of A, no barriers.
   * `tiles`: a workgroup shares tiles in workgroup memory.
   */
  readonly variant: "registers" | "subgroups" | "tiles";
  /** Rows of the result that one invocation computes; 16 in subgroups only. */
  readonly rows: 4 | 8 | 16;
  /** Columns of the result that one invocation computes; 16 in registers only. */
  readonly columns: 4 | 8 | 16;
  /** Invocations of a workgroup along the rows of the result. */
  readonly lanesM: number;
  /** Invocations of a workgroup along the columns of the result. */
  readonly lanesN: number;
  /** Into how many ranges of segments the inner dimension is split; their partial results are added in order. */
  readonly segmentSplits: number;
  /** Into how many ranges each segment is split. */
  readonly lengthSplits: number;
}

/** Steps of the inner dimension that a tile in workgroup memory has. */
export const TILE_DEPTH = 16;

/** Invocations of a workgroup without shared memory. */
const REGISTER_LANES = 64;

/** Invocations of a subgroup that shares rows. */
const SHARED_LANES = 8;

/** Steps of the inner dimension that are worth a partial result of their own. */
const MIN_SPLIT_DEPTH = 256;

/** Columns that a workgroup of a software adapter computes at most. */
const GROUP_COLUMNS = 64;

/**
 * From where on each invocation of a software adapter computes 16 columns: with
 * vectors of 8 lanes (llvmpipe) loads cost more than sums that do not fit into
 * registers, with 4 (SwiftShader) less. Compiling takes a second longer, which
 * little work is not worth.
 */
const WIDE_LANES = 8;
const WIDE_COLUMNS = 64;
const WIDE_WORK = 2 ** 26;

/** Steps of the inner dimension for which the columns of B of a workgroup take 128 KiB. */
const CACHED_DEPTH = 512;

/** Partial results at most. */
const MAX_SPLITS = 64;

/** Chooses how a product is computed. */
export function chooseGemm(
  sizes: GemmSizes,
  traits: GemmTraits,
): GemmChoice {
  const { problems, m, n, rowsAlike } = sizes;
  const { busyGroups, maxInvocations, maxWorkgroupBytes } = traits;
  if (traits.software) {
    const shares = sharesRows(traits) && n > 16 && m >= 32 &&
      (rowsAlike >= 64 || rowsAlike % 16 === 0);
    const rows = shares ? 16 : rowsAlike >= 32 || rowsAlike % 8 === 0 ? 8 : 4;
    const work = problems * m * n * sizes.segments * sizes.length;
    const isWide = traits.vectorLanes >= WIDE_LANES && n >= WIDE_COLUMNS &&
      work >= WIDE_WORK;
    const columns = shares ? 4 : isWide ? 16 : n > 8 ? 8 : 4;
    const lanesN = shares
      ? SHARED_LANES
      : lanesFor(Math.ceil(n / columns), GROUP_COLUMNS / columns);
    const lanesM = REGISTER_LANES / lanesN;
    const groups = problems * Math.ceil(m / (rows * lanesM)) *
      Math.ceil(n / (columns * lanesN));
    return {
      variant: shares ? "subgroups" : "registers",
      rows,
      columns,
      lanesM,
      lanesN,
      ...splits(
        sizes,
        Math.max(Math.floor(busyGroups / groups), cachedSplits(sizes)),
      ),
    };
  }
  const candidates = [
    { size: 128, perLane: 8 },
    { size: 64, perLane: 8 },
    { size: 32, perLane: 4 },
  ] as const;
  const fitting = candidates.filter(({ size, perLane }) =>
    (size / perLane) ** 2 <= maxInvocations &&
    2 * 4 * TILE_DEPTH * size <= maxWorkgroupBytes
  );
  const groupsOf = (size: number) =>
    problems * Math.ceil(m / size) * Math.ceil(n / size);
  // The largest tile that still keeps the device busy; the smallest if none does.
  const { size, perLane } =
    fitting.find(({ size }) => groupsOf(size) >= busyGroups) ??
      fitting[fitting.length - 1];
  return {
    variant: "tiles",
    rows: perLane,
    columns: perLane,
    lanesM: size / perLane,
    lanesN: size / perLane,
    ...splits(sizes, Math.floor(busyGroups / groupsOf(size))),
  };
}

/**
 * Whether the invocations of a subgroup share rows: those of `llvmpipe`, which
 * loads number by number. Browsers, which want a directive, also want proof
 * that all of them load at the same time.
 */
function sharesRows({ subgroups }: GemmTraits): boolean {
  return subgroups?.size === SHARED_LANES && subgroups.directive === "";
}

/** The power of two that covers `count`, at most `most`. */
function lanesFor(count: number, most: number): number {
  let lanes = 1;
  while (lanes < count && lanes < most) lanes *= 2;
  return lanes;
}

/**
 * Into how many ranges to split an inner dimension so that what a workgroup
 * reads of each stays in a core's cache: its lanes read the same columns of B
 * one after the other. Partial results should not take more than A and B.
 */
function cachedSplits({ m, n, segments, length }: GemmSizes): number {
  const depth = segments * length;
  return Math.min(
    Math.floor(depth / CACHED_DEPTH),
    Math.floor(depth * (m + n) / (m * n)),
  );
}

/** Splits the inner dimension, but not into short ranges. */
function splits(
  { segments, length, whole }: GemmSizes,
  atMost: number,
): Pick<GemmChoice, "segmentSplits" | "lengthSplits"> {
  const wanted = Math.min(
    atMost,
    Math.floor(segments * length / MIN_SPLIT_DEPTH),
    MAX_SPLITS,
  );
  if (wanted <= 1 || whole) return { segmentSplits: 1, lengthSplits: 1 };
  const segmentSplits = evenSplits(segments, Math.min(segments, wanted));
  const steps = Math.ceil(length / TILE_DEPTH);
  const lengthSplits = evenSplits(
    steps,
    Math.min(steps, Math.floor(wanted / segmentSplits)),
  );
  return { segmentSplits, lengthSplits };
}

/** The number of ranges of equal length (but the last) that cover `count`, none of them empty. */
function evenSplits(count: number, wanted: number): number {
  return Math.ceil(count / Math.ceil(count / wanted));
}

/** Rows, columns, lanes along both, of tiles in workgroup memory that are worth a try. */
const TILES = [
  [8, 8, 16, 16],
  [8, 8, 8, 16],
  [8, 8, 16, 8],
  [8, 8, 8, 8],
  [4, 4, 16, 16],
  [4, 4, 8, 8],
] as const;

/** The same of invocations that load for themselves. */
const REGISTERS = [4, 8].flatMap((rows) =>
  [4, 8, 16].flatMap((columns) =>
    [1, 4, 8].map((lanesN) =>
      [
        rows as 4 | 8,
        columns as 4 | 8 | 16,
        REGISTER_LANES / lanesN,
        lanesN,
      ] as const
    )
  )
);

/** The same of invocations that share rows. */
const SUBGROUPS = [8, 16].flatMap((rows) =>
  [4, 8].map((columns) =>
    [
      rows as 8 | 16,
      columns as 4 | 8,
      REGISTER_LANES / SHARED_LANES,
      SHARED_LANES,
    ] as const
  )
);

/** Registers on hardware, where they are seldom better: the ones that are square. */
const FEW_REGISTERS = REGISTERS.filter(([rows, columns, , lanesN]) =>
  rows === columns && lanesN === 8
);

/**
 * Ways to compute a product that are worth a try: the one that
 * {@linkcode chooseGemm} takes first, each with as many partial results as that
 * would have for it.
 */
export function gemmCandidates(
  sizes: GemmSizes,
  traits: GemmTraits,
): GemmChoice[] {
  const { problems, m, n } = sizes;
  const { software, busyGroups } = traits;
  const shapes = [
    ...(software ? [] : TILES.map((shape) => ["tiles", shape] as const)),
    ...(software ? REGISTERS : FEW_REGISTERS)
      .map((shape) => ["registers", shape] as const),
    ...(software ? SUBGROUPS : [])
      .map((shape) => ["subgroups", shape] as const),
  ];
  const candidates = shapes.flatMap(([variant, shape]): GemmChoice[] => {
    const [rows, columns, lanesM, lanesN] = shape;
    const isWasted = lanesN > lanesFor(Math.ceil(n / columns), 64) ||
      (columns > 4 && n <= columns / 2);
    if (variant !== "tiles" && isWasted) return [];
    const groups = problems * Math.ceil(m / (rows * lanesM)) *
      Math.ceil(n / (columns * lanesN));
    const busy = Math.floor(busyGroups / groups);
    return [{
      ...{ variant, rows, columns, lanesM, lanesN },
      ...splits(sizes, software ? Math.max(busy, cachedSplits(sizes)) : busy),
    }];
  });
  return distinct([chooseGemm(sizes, traits), ...candidates])
    .filter((choice) => fits(choice, traits));
}

/**
 * Bytes that trials give partial results at most: memory that every device has
 * in one buffer, also where a convolution of stride 2 fills its result by four
 * products.
 */
const TRIED_BYTES = 64 * 2 ** 20;

/** The same way with fewer and with more partial results, if that is different and there is room. */
export function splitCandidates(
  sizes: GemmSizes,
  choice: GemmChoice,
): GemmChoice[] {
  const now = choice.segmentSplits * choice.lengthSplits;
  const resultBytes = 4 * sizes.problems * sizes.m * sizes.n;
  const most = Math.max(now, TRIED_BYTES / resultBytes);
  return distinct([
    choice,
    ...[1, now / 4, now / 2, now * 2, now * 4].map((wanted) => ({
      ...choice,
      ...splits(sizes, Math.floor(Math.min(wanted, most))),
    })),
  ]);
}

function distinct(choices: readonly GemmChoice[]): GemmChoice[] {
  return [
    ...new Map(choices.map((choice) => [formatChoice(choice), choice]))
      .values(),
  ];
}

/** Whether an adapter has workgroups of this size, with so much memory, and the subgroups. */
function fits(
  { variant, rows, columns, lanesM, lanesN }: GemmChoice,
  traits: GemmTraits,
): boolean {
  if (variant === "subgroups" && !sharesRows(traits)) return false;
  const { maxInvocations, maxWorkgroupBytes } = traits;
  const bytes = variant === "tiles"
    ? 4 * TILE_DEPTH * (rows * lanesM + columns * lanesN)
    : 0;
  return lanesM * lanesN <= maxInvocations && bytes <= maxWorkgroupBytes;
}

/** A choice as text, such as `tiles 8x8 16x16 1x4`. */
export function formatChoice(choice: GemmChoice): string {
  const { variant, rows, columns, lanesM, lanesN } = choice;
  const { segmentSplits, lengthSplits } = choice;
  return `${variant} ${rows}x${columns} ${lanesM}x${lanesN} ${segmentSplits}x${lengthSplits}`;
}

const CHOICE =
  /^(tiles|registers|subgroups) ([48]|16)x([48]|16) (\d{1,3})x(\d{1,3}) (\d{1,2})x(\d{1,2})$/;

/** The choice of a text; `undefined` if it is none, or none that computes a product. */
function parseChoice(text: string): GemmChoice | undefined {
  const match = CHOICE.exec(text);
  if (match === null) return undefined;
  const variant = match[1] as GemmChoice["variant"];
  const [rows, columns, lanesM, lanesN, segmentSplits, lengthSplits] = match
    .slice(2).map(Number);
  const splits = segmentSplits * lengthSplits;
  // Each lane of a tile loads one block of 4 by 4 of either operand.
  const computes = variant === "tiles"
    ? lanesN >= rows && lanesM >= columns && rows <= 8 && columns <= 8
    : lanesM * lanesN === REGISTER_LANES &&
      (variant === "registers"
        ? rows <= 8
        : rows >= 8 && columns <= 8 && lanesN === SHARED_LANES);
  if (!computes || splits < 1 || splits > MAX_SPLITS) return undefined;
  return {
    variant,
    rows: rows as 4 | 8 | 16,
    columns: columns as 4 | 8 | 16,
    ...{ lanesM, lanesN, segmentSplits, lengthSplits },
  };
}

/** The choice of a text that a device can use; `undefined` if it is none. */
export function usableChoice(
  text: string,
  traits: GemmTraits,
): GemmChoice | undefined {
  const choice = parseChoice(text);
  return choice && fits(choice, traits) ? choice : undefined;
}
