import { assert, assertEquals } from "@std/assert";
import type { UnaryOp } from "../backend.ts";
import { sizeOf } from "../shape.ts";
import { assertAgrees, floats, noise, type TestTensor } from "./_compare.ts";
import { testOnWebGpu } from "./_testing.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

Deno.test("wgslFunctions() includes what is called, what that calls, and nothing else", () => {
  const source = wgslFunctions("let y = erf_f32(x) + sqrt(x);");
  for (const name of ["erf_f32", "erf_small", "normal", "upper_part"]) {
    assertEquals(source.split(`fn ${name}(`).length, 2);
  }
  assert(!source.includes("fn log_f32("));
  assertEquals(wgslFunctions("let y = sqrt(x);"), "");
});

const SIZE = 4000;
const values = noise(SIZE);
const others = noise(SIZE, 7);

function list(value: (x: number, i: number) => number): TestTensor {
  return floats([SIZE], (i) => value(values[i], i));
}

/** Where built-in functions are inaccurate, or go through infinity. */
const HARD: readonly (readonly [UnaryOp, TestTensor])[] = [
  ["log", list((x) => 1 + x / 100)],
  ["log", list((x) => 2 ** (x * 70))],
  ["log", list((_, i) => (i + 1) * 2 ** -149)],
  ["exp", list((x) => x * 43)],
  ["tanh", list((x) => x / 100)],
  ["tanh", list((x) => x * 1e4)],
  ["sin", list((x) => x * 1e6)],
  ["cos", list((x) => x * 2 ** 100)],
  ["erf", list((x) => x * 2)],
  ["gelu", list((x) => x * 6)],
  ["sigmoid", list((x) => x * 40)],
];

for (const [i, [op, x]] of HARD.entries()) {
  testOnWebGpu(`"${op}" is accurate where it is hard (${i})`, async (gpu) => {
    await assertAgrees(
      gpu,
      { x, out: { ...x, values: [] } },
      (backend, { x, out }) => backend.unary(op, x, out),
      { relative: 1e-6, absolute: 1e-37 },
    );
  });
}

testOnWebGpu('"pow" is accurate up to the largest results', async (gpu) => {
  const base = list((x, i) => 2 ** (x * (i % 2 ? 50 : 0.5)));
  const exponent = list((x, i) => 40 * others[i] / (1 + Math.abs(x)));
  const layout = { shape: [sizeOf(base.shape)], strides: [[1], [1]] };
  await assertAgrees(
    gpu,
    { base, exponent, out: { ...base, values: [] } },
    (backend, { base, exponent, out }) =>
      backend.binary("pow", base, exponent, out, layout),
    { relative: 1e-6, absolute: 1e-37 },
  );
});
