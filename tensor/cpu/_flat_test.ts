import type { View } from "../backend.ts";
import {
  againstReference,
  noise,
  SPECIAL,
  type Stage,
} from "./_against_reference.ts";

/** Lengths around vectors and parts. */
const COUNTS = [1, 3, 4, 17, 67, 100_003];

/** What rounding each of a few terms to float32 may cost. */
const ROUNDED = { relative: 1e-6, absolute: 1e-6 };

/** A view of given elements that is compared when everything has run. */
function state(stage: Stage, elements: ArrayLike<number>): View {
  const out = stage.output([elements.length]);
  stage.backend.stridedCopy(stage.input([elements.length], elements), out, {
    shape: [elements.length],
    sourceOffset: 0,
    sourceStrides: [1],
    targetOffset: 0,
    targetStrides: [1],
  });
  return out;
}

/** A scale as a number and as a scalar on the device. */
function scales(stage: Stage, scale: number): (number | View)[] {
  return [scale, stage.input([], [scale])];
}

for (const adaptive of [false, true]) {
  const name = adaptive ? "the adaptive ascent" : "the ascent";

  Deno.test(`perturb() of the cpu device computes ${name} and keeps what was`, async () => {
    await againstReference((stage) => {
      for (const count of COUNTS) {
        for (const scale of scales(stage, -0.75)) {
          stage.backend.perturb(
            state(stage, noise(count, 2)),
            stage.input([count], noise(count, 3, 2)),
            stage.output([count]),
            scale,
            adaptive,
          );
        }
      }
    }, ROUNDED);
  });
}

Deno.test("maskedAdd() of the cpu device adds nothing, not even NaN, where the mask is 0", async () => {
  await againstReference((stage) => {
    for (const count of COUNTS) {
      stage.backend.maskedAdd(
        state(stage, noise(count, 2)),
        stage.input([count], SPECIAL),
        stage.input([count], noise(count).map((x) => Number(x > 0)), "bool"),
      );
    }
  });
});

for (const momentum of [undefined, 0, 0.9]) {
  const name = momentum === undefined ? "no velocity" : `momentum ${momentum}`;

  Deno.test(`sgdStep() of the cpu device agrees with ${name}`, async () => {
    await againstReference((stage) => {
      for (const nesterov of [false, true]) {
        for (const first of [false, true]) {
          for (const count of COUNTS) {
            for (const scale of scales(stage, 0.25)) {
              const parameter = state(stage, noise(count, 2));
              stage.backend.sgdStep(
                parameter,
                stage.input([count], noise(count, 3, 2)),
                momentum === undefined
                  ? undefined
                  // On the first step it holds anything.
                  : state(stage, first ? noise(count).fill(NaN) : noise(count)),
                scale === 0.25 ? parameter : stage.output([count]),
                scale,
                {
                  learningRate: 0.1,
                  momentum: momentum ?? 0,
                  dampening: 0.125,
                  nesterov,
                  weightDecay: 0.01,
                  first,
                },
              );
            }
          }
        }
      }
    }, ROUNDED);
  });
}

for (const decoupled of [false, true]) {
  const name = decoupled ? "decoupled" : "coupled";

  Deno.test(`adamStep() of the cpu device agrees with ${name} weight decay`, async () => {
    await againstReference((stage) => {
      for (const step of [1, 2, 50_000]) {
        for (const count of COUNTS) {
          for (const scale of scales(stage, 0.25)) {
            const parameter = state(stage, noise(count, 2));
            stage.backend.adamStep(
              parameter,
              stage.input([count], noise(count, 3, 2)),
              state(stage, noise(count)),
              state(stage, noise(count, 1, 7).map(Math.abs)),
              scale === 0.25 ? parameter : stage.output([count]),
              scale,
              {
                learningRate: 0.01,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
                weightDecay: 0.1,
                decoupled,
                step,
              },
            );
          }
        }
      }
      // 0 / (√0 + ε), and squares that are subnormal.
      stage.backend.adamStep(
        state(stage, [1, 1]),
        stage.input([2], [0, 1e-20]),
        state(stage, [0, 0]),
        state(stage, [0, 0]),
        stage.output([2]),
        1,
        {
          learningRate: 0.01,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0,
          decoupled,
          step: 1,
        },
      );
    }, ROUNDED);
  });
}

/** Weights of different kinds. */
const WEIGHTS: Readonly<Record<string, (count: number) => ArrayLike<number>>> =
  {
    random: (count) => noise(count),
    // Few magnitudes, of either sign.
    tied: (count) => noise(count, 4).map(Math.round),
    "all equal": (count) => noise(count).map((x) => x < 0 ? -0.5 : 0.5),
    "all zero": (count) => noise(count).map((x) => x < 0 ? -0 : 0),
    "mostly zero": (count) => noise(count).map((x) => x < 0.8 ? 0 : x),
    // Magnitudes that differ in their last bits only.
    close: (count) => noise(count, 1e-6).map((x) => 1 + x),
    subnormal: (count) => noise(count, 1e-43),
    special: (count) =>
      Array.from({ length: count }, (_, i) => SPECIAL[i % SPECIAL.length]),
    "all NaN": (count) => noise(count).fill(NaN),
  };

/** Finds thresholds and prunes all parts with them. */
function prune(
  stage: Stage,
  parts: readonly {
    readonly elements: ArrayLike<number>;
    readonly segment: number;
    readonly base: number;
  }[],
  counts: readonly number[],
  exact: boolean,
): void {
  const thresholds = stage.output([counts.length, 2], "uint32");
  const views = parts.map(({ elements, ...part }) => ({
    ...part,
    x: state(stage, elements),
  }));
  stage.backend.magnitudeThresholds(views, counts, exact, thresholds);
  for (const part of views) {
    const mask = stage.output(part.x.shape, "bool");
    stage.backend.pruneBelow(part, thresholds, mask);
  }
}

for (const exact of [false, true]) {
  const rule = exact ? "exactly" : "strictly";

  for (const [kind, weights] of Object.entries(WEIGHTS)) {
    Deno.test(`magnitudeThresholds() and pruneBelow() of the cpu device prune ${rule} when weights are ${kind}`, async () => {
      await againstReference((stage) => {
        for (const size of [1, 2, 5, 64, 1003]) {
          const elements = weights(size);
          for (
            const count of [-1, 0, 1, 2, size >> 1, size - 1, size, size + 1]
          ) {
            prune(stage, [{ elements, segment: 0, base: 0 }], [count], exact);
          }
        }
      });
    });

    Deno.test(`magnitudeThresholds() and pruneBelow() of the cpu device prune ${rule} over several parts of several segments when weights are ${kind}`, async () => {
      await againstReference((stage) => {
        const elements = Array.from(weights(150_000));
        // Larger and smaller than what one thread takes at once, in any order.
        prune(
          stage,
          [
            { elements: elements.slice(0, 70_001), segment: 2, base: 30_004 },
            { elements: elements.slice(70_001, 70_008), segment: 0, base: 0 },
            { elements: elements.slice(70_008, 100_011), segment: 2, base: 1 },
            { elements: elements.slice(100_011, 100_012), segment: 2, base: 0 },
            {
              elements: elements.slice(100_012, 149_000),
              segment: 1,
              base: 500,
            },
            { elements: elements.slice(149_000, 149_500), segment: 1, base: 0 },
            { elements: elements.slice(149_500), segment: 3, base: 0 },
          ],
          [3, 20_000, 50_000, -1],
          exact,
        );
      });
    });
  }
}

Deno.test("magnitudeThresholds() of the cpu device looks for more thresholds than it has histograms for", async () => {
  await againstReference((stage) => {
    const parts = Array.from({ length: 75 }, (_, segment) => ({
      elements: noise(100 + segment, 1, segment + 1),
      segment,
      base: 0,
    }));
    prune(stage, parts, parts.map((_, i) => i), true);
  });
});

Deno.test("magnitudeThresholds() of the cpu device takes positions beyond 2³¹", async () => {
  await againstReference((stage) => {
    const base = 3_000_000_000;
    prune(
      stage,
      [
        { elements: new Array(40).fill(-1), segment: 0, base },
        { elements: new Array(40).fill(1), segment: 0, base: base + 40 },
      ],
      [53],
      true,
    );
  });
});

for (
  const [rows, columns] of [
    [1, 1],
    [1, 7],
    [3, 5],
    [8, 1],
    [16, 21],
    [24, 64],
    [147, 64],
    [5, 1000],
    [768, 200],
    [509, 301],
  ]
) {
  Deno.test(`pruneNM() of the cpu device prunes ${rows} rows of ${columns}`, async () => {
    await againstReference((stage) => {
      for (const [n, m] of [[1, 2], [2, 4], [4, 8], [3, 7], [17, 32]]) {
        for (const [kind, weights] of Object.entries(WEIGHTS)) {
          if (rows * columns > 10_000 && kind !== "tied") continue;
          const x = state(stage, weights(rows * columns));
          const mask = stage.output(x.shape, "bool");
          stage.backend.pruneNM(x, mask, { rows, columns, n, m });
        }
      }
    });
  });
}
