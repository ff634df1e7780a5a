import {
  add,
  ArgumentError,
  exp,
  gather,
  mul,
  openDevice,
  square,
  tensor,
} from "@cram/tensor";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GradcheckError } from "./errors.ts";
import { gradcheck } from "./gradcheck.ts";
import { stopGradient } from "./stop_gradient.ts";

Deno.test("gradcheck() gives the worst element when gradients are right", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const x = tensor(device, [[1, 2], [3, 4]], { dtype: "float64" });
  const result = await gradcheck((x) => exp(x), [x]);
  assert(result.relativeError < 1e-8);
  assertEquals(result.input, 0);
  assertEquals(result.element.length, 2);
});

Deno.test("gradcheck() names the worst element when gradients are wrong", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const x = tensor(device, [1, 2], { dtype: "float64" });
  const w = tensor(device, [[1, 1], [1, 9]], { dtype: "float64" });
  const wrong = gradcheck(
    (x, w) => add(mul(x, w), mul(0.5, stopGradient(square(w)))),
    [x, w],
    { names: ["x", "weight"] },
  );
  await assertRejects(
    () => wrong,
    GradcheckError,
    'The gradient of input 1 ("weight") at element [1, 1] is',
  );
});

Deno.test("gradcheck() does not pass when gradients are not numbers", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const x = tensor(device, [1, NaN], { dtype: "float64" });
  await assertRejects(
    () => gradcheck((x) => square(x), [x]),
    GradcheckError,
    "finite differences give NaN",
  );
});

Deno.test("gradcheck() leaves integer inputs alone", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  const x = tensor(device, [[1, 2], [3, 4]]);
  const i = tensor(device, [1, 1, 0], { dtype: "int32" });
  const { relativeError } = await gradcheck((x, i) => gather(x, i), [x, i]);
  assert(relativeError < 1e-6);
  await assertRejects(
    () => gradcheck((i) => i, [i]),
    ArgumentError,
    "none has a floating-point type",
  );
});

Deno.test("gradcheck() leaves nothing behind", async () => {
  await using device = await openDevice("reference");
  using x = tensor(device, [1, 2]);
  const before = device.memory.liveBytes;
  await gradcheck((x) => square(square(x)), [x]);
  assertEquals(device.memory.liveBytes, before);
});
