import { RandomSource } from "@cram/tensor";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
} from "@std/assert";
import { type Plan, planTransform, type Transform } from "./augment.ts";
import { augmentationRandom, orderRandom } from "./random_streams.ts";

function planOf(
  transform: Transform,
  width: number,
  height: number,
  example = 0,
): Plan {
  return planTransform(
    transform,
    width,
    height,
    augmentationRandom(1n, 0, example),
  );
}

Deno.test("planTransform() crops at random within the image in training", () => {
  const transform = { recipe: "imagenet", size: 224, augment: true } as const;
  let flips = 0;
  let area = 0;
  const draws = 2000;
  for (let example = 0; example < draws; example++) {
    const { region, scaled, window, flip } = planOf(
      transform,
      500,
      375,
      example,
    );
    assert(region.left >= 0 && region.left + region.width <= 500);
    assert(region.top >= 0 && region.top + region.height <= 375);
    const ratio = region.width / region.height;
    assert(ratio > 0.74 && ratio < 1.35, `ratio ${ratio}`);
    const part = region.width * region.height / (500 * 375);
    assert(part > 0.078 && part < 1.001, `area ${part}`);
    assertEquals(scaled, { width: 224, height: 224 });
    assertEquals(window, { left: 0, top: 0, width: 224, height: 224 });
    flips += Number(flip);
    area += part;
  }
  assertAlmostEquals(flips / draws, 0.5, 0.04);
  // Areas up to 0.75·ratio fit; the mean of these, by integration over both ranges.
  assertAlmostEquals(area / draws, 0.4319, 0.02);
});

Deno.test("planTransform() takes the centre when no crop fits", () => {
  const transform = { recipe: "imagenet", size: 8, augment: true } as const;
  assertEquals(planOf(transform, 1000, 3).region, {
    left: 498,
    top: 0,
    width: 4,
    height: 3,
  });
  assertEquals(planOf(transform, 3, 1000).region, {
    left: 0,
    top: 498,
    width: 3,
    height: 4,
  });
  assertEquals(planOf(transform, 1, 1).region, {
    left: 0,
    top: 0,
    width: 1,
    height: 1,
  });
});

Deno.test("planTransform() resizes and takes the centre in evaluation", () => {
  const transform = { recipe: "imagenet", size: 224, augment: false } as const;
  assertEquals(planOf(transform, 500, 375), {
    region: { left: 0, top: 0, width: 500, height: 375 },
    scaled: { width: 341, height: 256 },
    window: { left: 58, top: 16, width: 224, height: 224 },
    flip: false,
  });
  assertEquals(planOf(transform, 100, 1000).scaled, {
    width: 256,
    height: 2560,
  });
});

Deno.test("planTransform() shifts CIFAR images by up to four pixels", () => {
  const transform = { recipe: "cifar", size: 32, augment: true } as const;
  const seen = new Set<number>();
  for (let example = 0; example < 300; example++) {
    const { region, scaled, window } = planOf(transform, 32, 32, example);
    assertEquals(region, { left: 0, top: 0, width: 32, height: 32 });
    assertEquals(scaled, { width: 32, height: 32 });
    seen.add(window.left).add(window.top);
  }
  assertEquals([...seen].sort((a, b) => a - b), [
    -4,
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
  ]);
  assertEquals(planOf({ ...transform, augment: false }, 64, 128), {
    region: { left: 0, top: 0, width: 64, height: 128 },
    scaled: { width: 32, height: 64 },
    window: { left: 0, top: 16, width: 32, height: 32 },
    flip: false,
  });
});

Deno.test("random streams differ by use, epoch and example, and are the same again", () => {
  const draw = (random: RandomSource): number => random.uniform();
  const all = [
    draw(new RandomSource(1n)),
    draw(orderRandom(1n, 0)),
    draw(orderRandom(1n, 1)),
    draw(augmentationRandom(1n, 0, 0)),
    draw(augmentationRandom(1n, 0, 1)),
    draw(augmentationRandom(1n, 1, 0)),
    draw(augmentationRandom(2n, 0, 0)),
  ];
  assertEquals(new Set(all).size, all.length);
  assertEquals(
    draw(augmentationRandom(1n, 1, 5)),
    draw(augmentationRandom(1n, 1, 5)),
  );
  const last = augmentationRandom(1n, 2 ** 20 - 1, 2 ** 32 - 1);
  assertNotEquals(draw(last), all[0]);
});
