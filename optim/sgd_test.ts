import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, openDevice, type Tensor, tensor } from "@cram/tensor";
import { sgd } from "./sgd.ts";

/** The toy loss of the conformance vectors: its gradient with respect to W and b. */
function gradientsOf(W: number[], b: number[]): [number[], number[]] {
  const sum = (list: number[]): number => list.reduce((x, y) => x + y, 0);
  const hW = [1, 2, 0.5, 1.5, 3, 0.8];
  const cW = [0.5, 0.3, -0.2, -0.9, 0.4, -0.7];
  const hb = [1.2, 0.7, 2.5];
  const cb = [0.1, 0.2, -0.3];
  const [sumW, sumB] = [sum(W), sum(b)];
  return [
    W.map((w, i) => hW[i] * (w - cW[i]) + 0.2 * sumW + 0.3 * sumB),
    b.map((x, i) => hb[i] * (x - cb[i]) + 0.3 * sumW),
  ];
}

async function assertClose(actual: Tensor, expected: number[]): Promise<void> {
  for (const [i, value] of (await actual.data()).entries()) {
    assertAlmostEquals(value, expected[i], 1e-9);
  }
}

Deno.test("sgd() takes the steps of PyTorch's SGD with momentum and weight decay", async () => {
  await using device = await openDevice("reference");
  using scope = device.scope();
  const dtype = "float64";
  const W = {
    value: tensor(device, [[0.9, -0.2, 0.35], [-0.6, 0.05, -1.1]], { dtype }),
  };
  const b = { value: tensor(device, [0.3, -0.4, 0.02], { dtype }) };
  using optimizer = sgd({ momentum: 0.9, weightDecay: 0.01 }).start([W, b]);
  const expected = [
    [
      [0.8735, -0.0854, 0.33655, -0.63, 0.16935, -1.0525],
      [0.2937, -0.3396, -0.04202],
    ],
    [
      [0.8218341, 0.105313, 0.30768855, -0.6864624, 0.35619825, -0.9700899],
      [0.2761473, -0.2354734, -0.15063598],
    ],
  ];
  for (const [expectedW, expectedB] of expected) {
    const [gW, gb] = gradientsOf(
      [...await W.value.data()],
      [...await b.value.data()],
    );
    const passes: number[] = [];
    const loss = optimizer.step(({ pass }) => {
      passes.push(pass);
      return {
        value: tensor(device, 7, { dtype }),
        gradients: [
          tensor(device, gW, { dtype, shape: [2, 3] }),
          tensor(device, gb, { dtype }),
        ],
      };
    }, { learningRate: 0.1 });
    assertEquals(passes, [1]);
    assertEquals(await loss.item(), 7);
    await assertClose(W.value, expectedW);
    await assertClose(b.value, expectedB);
  }
  assertEquals(scope.size > 0, true);
});

Deno.test("sgd() needs no memory beyond its first step", async () => {
  await using device = await openDevice("reference");
  const slot = { value: tensor(device, [1, 2, 3]) };
  {
    using optimizer = sgd({ momentum: 0.5, weightDecay: 0.1 }).start([slot]);
    const live: number[] = [];
    for (let step = 0; step < 3; step++) {
      using _scope = device.scope();
      optimizer.step(() => ({
        value: tensor(device, 0),
        gradients: [tensor(device, [1, 1, 1])],
      }), { learningRate: 0.1 });
      live.push(device.memory.liveBytes);
    }
    assertEquals(live[2], live[0]);
  }
  slot.value.dispose();
  assertEquals(device.memory.liveBytes, 0);
});

Deno.test("sgd() refuses options out of range", () => {
  for (const momentum of [-0.1, 1, NaN]) {
    assertThrows(() => sgd({ momentum }), ArgumentError, `${momentum}`);
  }
  for (const weightDecay of [-1, Infinity, NaN]) {
    assertThrows(() => sgd({ weightDecay }), ArgumentError, `${weightDecay}`);
  }
});
