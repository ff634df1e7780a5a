/**
 * What tensor libraries get wrong: each test is an old bug of somebody's.
 *
 * @module
 */

import { Tape, valueAndGrad } from "@cram/autograd";
import * as t from "@cram/tensor";
import type { Device, Shape, Tensor } from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import {
  CPU,
  openTested,
  REFERENCE,
  WEBGPU,
  WEBGPU_DEFAULT_LIMITS,
} from "./devices.ts";
import { Samples, upload } from "./host_tensor.ts";

/** Makes a float tensor of the sample sequence of its own shape. */
function floats(device: Device, shape: Shape, seed = 1): Tensor {
  return upload(device, new Samples(seed).floats(shape), "float32");
}

async function values(x: Tensor): Promise<number[]> {
  return [...await x.data()];
}

/** The tests, each run in a scope of its own. */
const PITFALLS: Readonly<Record<string, (device: Device) => Promise<void>>> = {
  "tensors of no elements go through everything": async (device) => {
    const x = t.zeros(device, [0, 3]);
    const { value, gradients: [dx] } = valueAndGrad(
      () => t.sum(t.matmul(t.relu(t.add(x, 1)), t.ones(device, [3, 2]))),
      [x],
    );
    assertEquals(await value.item(), 0);
    assertEquals(dx.shape, [0, 3]);
    assertEquals(await values(dx), []);
  },

  "tensors of odd bytes are padded": async (device) => {
    for (const dtype of ["uint8", "float16", "bfloat16"] as const) {
      for (const size of [1, 3, 5]) {
        const numbers = Array.from({ length: size }, (_, i) => i + 1);
        const x = t.tensor(device, numbers, { dtype });
        const back = t.cast(t.copy(x), "float32");
        assertEquals(await values(back), numbers);
        assertEquals((await x.data()).length, size);
      }
    }
  },

  "one tensor may be every operand": async (device) => {
    const x = t.tensor(device, [[1, 2], [3, 4]]);
    assertEquals(await values(t.mul(x, x)), [1, 4, 9, 16]);
    assertEquals(await values(t.sub(x, x)), [0, 0, 0, 0]);
    assertEquals(await values(t.matmul(x, x)), [7, 10, 15, 22]);
    assertEquals(await values(t.concat([x, x])), [1, 2, 3, 4, 1, 2, 3, 4]);
    const row = t.tensor(device, [1, 2]);
    const bias = t.matmul(x, x, { bias: row });
    assertEquals(await values(bias), [8, 12, 16, 24]);
    const q = t.reshape(x, [1, 2, 1, 2]);
    const attended = t.scaledDotProductAttention(q, q, q);
    assert((await values(attended)).every(Number.isFinite));
    t.assign(x, x);
    assertEquals(await values(x), [1, 2, 3, 4]);
  },

  "parts of one memory may be operands and target": async (device) => {
    const x = t.tensor(device, [1, 2, 3, 4, 5, 6, 7, 8]);
    const [a, b] = [x.view(0, [4]), x.view(4, [4])];
    assertEquals(await values(t.add(a, b)), [6, 8, 10, 12]);
    t.assign(a, b);
    assertEquals(await values(x), [5, 6, 7, 8, 5, 6, 7, 8]);
    t.assign(b, t.mul(a, b));
    assertEquals(await values(x), [5, 6, 7, 8, 25, 36, 49, 64]);
  },

  "views need not begin at a multiple of 16 bytes": async (device) => {
    const x = floats(device, [1031]);
    const expected = (await values(x)).slice(1).map((v) => Math.fround(v + 1));
    const view = x.view(1, [1030]);
    assertEquals(await values(t.add(view, 1)), expected);
    assertEquals(
      await values(t.add(view, t.ones(device, [1030]))),
      expected,
    );
  },

  "softmax of rows of -∞ is NaN, and of one -∞ 0": async (device) => {
    const x = t.tensor(device, [[-Infinity, -Infinity], [0, -Infinity]]);
    assertEquals(await values(t.softmax(x)), [NaN, NaN, 1, 0]);
    assertEquals(await values(t.logSoftmax(x)), [NaN, NaN, 0, -Infinity]);
    assertEquals(await values(t.logSumExp(x, { axes: 1 })), [-Infinity, 0]);
  },

  "pow takes negative bases": async (device) => {
    const a = t.tensor(device, [-2, -2, -2, -8, 0, 0, -1]);
    const b = t.tensor(device, [2, 3, -1, 1 / 3, 0, -1, 0.5]);
    const expected = [4, -8, -0.5, NaN, 1, Infinity, NaN];
    for (const [i, value] of (await values(t.pow(a, b))).entries()) {
      assert(
        Object.is(value, expected[i]) ||
          Math.abs(value - expected[i]) <= 1e-5 * Math.abs(expected[i]),
        `${value} instead of ${expected[i]}`,
      );
    }
  },

  "NaN and infinities are constants like others": async (device) => {
    const x = t.tensor(device, [1, NaN, -Infinity]);
    assertEquals(await values(t.add(x, NaN)), [NaN, NaN, NaN]);
    assertEquals(await values(t.mul(x, -Infinity)), [
      -Infinity,
      NaN,
      Infinity,
    ]);
    assertEquals(await values(t.isNaN(x)), [0, 1, 0]);
    assertEquals(await values(t.equal(x, x)), [1, 0, 1]);
    assertEquals(await values(t.maximum(x, 0)), [1, NaN, 0]);
    assertEquals(await values(t.full(device, [2], NaN)), [NaN, NaN]);
    const choice = t.where(t.isNaN(x), Infinity, x);
    assertEquals(await values(choice), [1, Infinity, -Infinity]);
    assertEquals(await values(t.clip(x, { low: 0 })), [1, NaN, 0]);
  },

  "uploads do not overtake what was computed before": async (device) => {
    const sums: Tensor[] = [];
    for (let i = 0; i < 50; i++) {
      using x = t.full(device, [64], i);
      using y = t.tensor(device, new Float32Array(64).fill(i));
      // Both memories are free, and likely taken again, before anything runs.
      sums.push(t.sum(t.add(x, y)));
    }
    const totals = await Promise.all(sums.map((sum) => sum.item()));
    assertEquals(totals, sums.map((_, i) => 128 * i));
  },

  "operands may be disposed of at once": async (device) => {
    const x = t.tensor(device, [1, 2, 3]);
    const y = t.square(x);
    x.dispose();
    const z = t.add(y, 1);
    y.dispose();
    assertEquals(await values(z), [2, 5, 10]);
  },

  "a value that is read is the value of that moment": async (device) => {
    const x = t.tensor(device, [1, 2]);
    const before = x.data();
    t.assign(x, t.tensor(device, [3, 4]));
    const after = x.data();
    x.dispose();
    assertEquals([...await before, ...await after], [1, 2, 3, 4]);
  },

  "a last partial batch uses its own sizes": async (device) => {
    const weight = floats(device, [3, 3, 3, 5]);
    const dense = floats(device, [5, 7]);
    const apply = (x: Tensor): Tensor => {
      const y = t.conv2d(x, weight, { padding: 1 });
      return t.matmul(t.globalAveragePool2d(y), dense);
    };
    const whole = floats(device, [8, 6, 6, 3]);
    const part = t.slice(whole, [5, 0, 0, 0], [3, 6, 6, 3]);
    const [all, last] = [await values(apply(whole)), await values(apply(part))];
    for (const [i, value] of last.entries()) {
      assert(Math.abs(value - all[5 * 7 + i]) < 1e-5);
    }
  },

  "batch normalization of two elements is finite": async (device) => {
    const [scale, bias] = [t.ones(device, [2]), t.zeros(device, [2])];
    const [mean, variance] = [t.zeros(device, [2]), t.ones(device, [2])];
    const x = t.tensor(device, [[1, 5], [3, 5]]);
    const { value, gradients } = valueAndGrad(
      () => {
        const parameters = { scale, bias, mean, variance };
        const y = t.batchNorm(x, parameters, { training: true });
        return t.sum(t.square(t.square(y)));
      },
      [x, scale, bias],
    );
    assert(Number.isFinite(await value.item()));
    for (const gradient of gradients) {
      assert((await values(gradient)).every(Number.isFinite));
    }
    const variances = await values(variance);
    assert(Math.abs(variances[0] - 1.1) < 1e-6);
    assert(Math.abs(variances[1] - 0.9) < 1e-6);
  },

  "unused parameters get zeros": async (device) => {
    const [used, unused] = [t.ones(device, [2]), t.ones(device, [3])];
    const { gradients: [, gradient] } = valueAndGrad(
      () => t.sum(used),
      [used, unused],
    );
    assertEquals(await values(gradient), [0, 0, 0]);
  },

  "dropout drops the same elements in both passes and on the way back": async (
    device,
  ) => {
    const x = t.ones(device, [1001]);
    const drop = (): Tensor => t.dropout(x, { rate: 0.4, seed: 9n });
    const first = await values(drop());
    assertEquals(await values(drop()), first);
    using tape = new Tape();
    tape.watch([x]);
    const [dx] = tape.gradients(t.sum(drop()), [x]);
    assertEquals(await values(dx), first);
    const dropped = first.filter((value) => value === 0).length;
    assert(Math.abs(dropped - 400) < 60, `${dropped} of 1001 were dropped`);
  },

  "long chains are computed in order": async (device) => {
    let x = t.zeros(device, [5]);
    for (let i = 0; i < 1500; i++) {
      const next = t.add(x, 1);
      x.dispose();
      x = next;
    }
    assertEquals(await values(x), [1500, 1500, 1500, 1500, 1500]);
  },

  "many reads wait together": async (device) => {
    const tensors = Array.from(
      { length: 100 },
      (_, i) => t.full(device, [1], i),
    );
    const items = await Promise.all(tensors.map((x) => x.item()));
    assertEquals(items, items.map((_, i) => i));
  },

  "scopes live across await": async (device) => {
    const before = device.memory.liveBuffers;
    let kept: Tensor;
    {
      using scope = device.scope();
      const x = t.ones(device, [3]);
      await x.data();
      kept = scope.keep(t.add(x, 1));
      await Promise.resolve();
      t.mul(kept, 2);
    }
    assertEquals(device.memory.liveBuffers, before + 1);
    assertEquals(await values(kept), [2, 2, 2]);
  },

  "gradients of ties are shared": async (device) => {
    const x = t.tensor(device, [2, 5, 5, 1]);
    const largest = valueAndGrad(() => t.max(x), [x]);
    assertEquals(await values(largest.gradients[0]), [0, 0.5, 0.5, 0]);
    const y = t.tensor(device, [2, 4, 5, 1]);
    const both = valueAndGrad(() => t.sum(t.maximum(x, y)), [x, y]);
    assertEquals(await values(both.gradients[0]), [0.5, 1, 0.5, 0.5]);
    assertEquals(await values(both.gradients[1]), [0.5, 0, 0.5, 0.5]);
  },

  "gradients of pow are finite where they can be": async (device) => {
    const a = t.tensor(device, [0, 0, 0, 2]);
    const b = t.tensor(device, [0, 1, 2, 0]);
    const tensors = valueAndGrad(() => t.sum(t.pow(a, b)), [a, b]);
    const log2 = Math.fround(Math.log(2));
    assertEquals(await values(tensors.gradients[0]), [0, 1, 0, 0]);
    assertEquals(await values(tensors.gradients[1]), [0, 0, 0, log2]);
    const base = valueAndGrad(() => t.sum(t.pow(0, b)), [b]);
    assertEquals(await values(base.gradients[0]), [0, 0, 0, 0]);
    const exponent = valueAndGrad(() => t.sum(t.pow(a, 0)), [a]);
    assertEquals(await values(exponent.gradients[0]), [0, 0, 0, 0]);
  },

  "rows of -∞ have no gradient in logSumExp": async (device) => {
    const x = t.tensor(device, [[-Infinity, -Infinity], [0, -Infinity]]);
    const { gradients } = valueAndGrad(
      () => t.sum(t.logSumExp(x, { axes: 1 })),
      [x],
    );
    assertEquals(await values(gradients[0]), [0, 0, 1, 0]);
  },

  "the gradient of a norm at 0 is 0": async (device) => {
    const x = t.zeros(device, [3]);
    const { gradients } = valueAndGrad(() => t.l2Norm(x), [x]);
    assertEquals(await values(gradients[0]), [0, 0, 0]);
  },
};

for (
  const { test } of await openTested(
    REFERENCE,
    CPU,
    WEBGPU,
    WEBGPU_DEFAULT_LIMITS,
  )
) {
  for (const [name, run] of Object.entries(PITFALLS)) {
    test(name, async (device) => {
      using _scope = device.scope();
      await run(device);
    });
  }
}
