import { assert, assertEquals } from "@std/assert";
import goldens from "../../tests/goldens/resize.json" with { type: "json" };
import type { Plan } from "./augment.ts";
import { applyPlan, type Pixels } from "./resize.ts";

/** The image of tests/goldens/resize.py. */
function pattern(width: number, height: number): Pixels {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => {
      const channel = i % 3;
      const x = Math.floor(i / 3) % width;
      const y = Math.floor(i / 3 / width);
      return ((x * 7 + y * 13 + channel * 50) ^ (x * y)) & 255;
    },
  );
  return { width, height, data };
}

function apply(image: Pixels, plan: Plan): Uint8Array {
  const { width, height } = plan.window;
  const target = new Uint8Array(width * height * 3).fill(99);
  applyPlan(image, plan, target);
  return target;
}

Deno.test("applyPlan() resizes as Pillow does, bit for bit", () => {
  for (const { image, box, size, bytes } of goldens) {
    const [left, top, right, bottom] = box;
    const [width, height] = size;
    const whole = { left: 0, top: 0, width, height };
    const region = { left, top, width: right - left, height: bottom - top };
    const picture = pattern(image[0], image[1]);
    const plan = { region, scaled: whole, window: whole, flip: false };
    assertEquals([...apply(picture, plan)], bytes, `${image} to ${size}`);

    // A window is a part of the whole.
    const window = { left: 1, top: 2, width: width - 1, height: height - 2 };
    const part = [...apply(picture, { ...plan, window })];
    const rows = Array.from(
      { length: height - 2 },
      (_, y) => bytes.slice(((y + 2) * width + 1) * 3, (y + 3) * width * 3),
    );
    assertEquals(part, rows.flat());
  }
});

Deno.test("applyPlan() cuts, fills with zeros and flips", () => {
  // Pixels are numbered by row; the channels are the same.
  const data = Uint8Array.from(
    { length: 4 * 3 * 3 },
    (_, i) => 1 + Math.floor(i / 3),
  );
  const cut = (left: number, top: number, flip: boolean): number[] => {
    const target = apply({ width: 4, height: 3, data }, {
      region: { left: 0, top: 0, width: 4, height: 3 },
      scaled: { width: 4, height: 3 },
      window: { left, top, width: 2, height: 2 },
      flip,
    });
    for (let i = 0; i < target.length; i += 3) {
      assertEquals(target[i], target[i + 1]);
      assertEquals(target[i], target[i + 2]);
    }
    return [...target].filter((_, i) => i % 3 === 0);
  };
  assertEquals(cut(0, 0, false), [1, 2, 5, 6]);
  assertEquals(cut(2, 1, true), [8, 7, 12, 11]);
  assertEquals(cut(-1, -1, false), [0, 0, 0, 1]);
  assertEquals(cut(-1, -1, true), [0, 0, 1, 0]);
  assertEquals(cut(3, 2, false), [12, 0, 0, 0]);
  assertEquals(cut(-2, 0, false), [0, 0, 0, 0]);
  assertEquals(cut(4, 0, false), [0, 0, 0, 0]);
});

Deno.test("applyPlan() computes no more of a long image than is seen", () => {
  const long = pattern(1, 30_000);
  const start = performance.now();
  const target = apply(long, {
    region: { left: 0, top: 0, width: 1, height: 30_000 },
    scaled: { width: 256, height: 256 * 30_000 },
    window: { left: 16, top: 3_840_000 - 112, width: 224, height: 224 },
    flip: false,
  });
  assert(performance.now() - start < 1000);
  const [red] = target;
  assert(Math.abs(red - long.data[14_999 * 3]) <= 1);
});
