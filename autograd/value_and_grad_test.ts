import {
  add,
  ArgumentError,
  mul,
  openDevice,
  square,
  sum,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { assertEquals, assertThrows } from "@std/assert";
import { GradientError } from "./errors.ts";
import { valueAndGrad } from "./value_and_grad.ts";

Deno.test("valueAndGrad() gives the value and one gradient for each parameter", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const [a, b] = [tensor(device, [1, 2]), tensor(device, 3)];
  const { value, gradients } = valueAndGrad(
    () => sum(mul(square(a), b)),
    [a, b],
  );
  assertEquals(await value.item(), 15);
  const data = await Promise.all(gradients.map((g) => g.data()));
  assertEquals(data.map((d) => [...d]), [[6, 12], [5]]);
});

Deno.test("valueAndGrad() frees what the function made but did not keep", async () => {
  await using device = await openDevice("reference");
  const w = tensor(device, [1, 2]);
  let kept: Tensor | undefined;
  {
    using scope = device.scope();
    valueAndGrad((inner) => {
      kept = inner.keep(square(w));
      return sum(square(add(kept, 1)));
    }, [w]);
    // The value, the gradient, and what was kept.
    assertEquals(scope.size, 3);
  }
  assertEquals(kept?.disposed, true);
  assertEquals(device.memory.liveBuffers, 1);
});

Deno.test("valueAndGrad() gives nothing for unused parameters if asked to", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const [a, b] = [tensor(device, [1]), tensor(device, [2])];
  const absent = valueAndGrad(() => sum(a), [a, b], { unused: "absent" });
  assertEquals(absent.gradients[1], undefined);
  const { gradients: [, db] } = valueAndGrad(() => sum(a), [a, b]);
  assertEquals([...await db.data()], [0]);
});

Deno.test("valueAndGrad() leaves nothing behind when it throws", async () => {
  await using device = await openDevice("reference");
  const w = tensor(device, [1, 2]);
  const c = tensor(device, [1, 2]);
  const before = device.memory.liveBytes;
  assertThrows(
    () => valueAndGrad(() => sum(square(c)), [w]),
    GradientError,
    "did not record it",
  );
  assertThrows(
    () =>
      valueAndGrad(() => {
        square(w);
        throw new Error("inside");
      }, [w]),
    Error,
    "inside",
  );
  assertThrows(() => valueAndGrad(() => w, []), ArgumentError);
  assertEquals(device.memory.liveBytes, before);
});
