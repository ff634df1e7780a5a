import {
  add,
  argmax,
  ArgumentError,
  assign,
  type Device,
  DeviceError,
  DTypeError,
  exp,
  matmul,
  mul,
  openDevice,
  reshape,
  scaledDotProductAttention,
  setOpObserver,
  ShapeError,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@cram/tensor";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { GradientError, TapeError } from "./errors.ts";
import { noGrad } from "./no_grad.ts";
import { stopGradient } from "./stop_gradient.ts";
import { Tape } from "./tape.ts";

/** Runs a test on a device, in a scope, and checks that nothing is left. */
function test(
  name: string,
  run: (device: Device) => void | Promise<void>,
): void {
  Deno.test(name, async () => {
    await using device = await openDevice("reference");
    {
      using _scope = device.scope();
      await run(device);
    }
    assertEquals(device.memory.liveBytes, 0);
  });
}

async function values(x: Tensor): Promise<number[]> {
  return [...await x.data()];
}

test("Tape computes the gradients of what is watched", async (device) => {
  using tape = new Tape();
  const [x, y] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  tape.watch([x, y]);
  const [dx, dy] = tape.gradients(sum(mul(x, square(y))), [x, y]);
  assertEquals(await values(dx), [9, 16]);
  assertEquals(await values(dy), [6, 16]);
});

test("Tape accumulates where a tensor is used often", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [2, 3]);
  tape.watch([x]);
  const loss = sum(add(add(mul(x, x), x), add(x, mul(5, x))));
  const [dx] = tape.gradients(loss, [x]);
  assertEquals(await values(dx), [11, 13]);
});

test("Tape gives gradients of results in between", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [2, 3]);
  tape.watch([x]);
  const y = square(x);
  const loss = sum(square(y));
  const [dy, dx, dLoss] = tape.gradients(loss, [y, x, loss]);
  assertEquals(await values(dy), [8, 18]);
  assertEquals(await values(dx), [32, 108]);
  assertEquals(await values(dLoss), [1]);
});

test("Tape gives a source that is named twice two gradients", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [2, 3]);
  tape.watch([x]);
  const [first, second] = tape.gradients(sum(square(x)), [x, x]);
  first.dispose();
  assertEquals(await values(second), [4, 6]);
});

test("Tape sums the gradients of what was broadcast", async (device) => {
  using tape = new Tape();
  const row = tensor(device, [1, 2, 3]);
  const column = tensor(device, [[1], [2]]);
  const scalar = tensor(device, 5);
  tape.watch([row, column, scalar]);
  const loss = sum(mul(mul(row, column), scalar));
  const [dRow, dColumn, dScalar] = tape.gradients(loss, [row, column, scalar]);
  assertEquals(await values(dRow), [15, 15, 15]);
  assertEquals(dColumn.shape, [2, 1]);
  assertEquals(await values(dColumn), [30, 30]);
  assertEquals(dScalar.shape, []);
  assertEquals(await values(dScalar), [18]);
});

test("Tape gives gradients with memory of their own", async (device) => {
  using tape = new Tape();
  const [x, y] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  const seed = tensor(device, [5, 6]);
  tape.watch([x, y]);
  const [dx, dy, again] = tape.gradients(add(x, y), [x, y, x], { seed });
  assign(dx, zeros(device, [2]));
  assertEquals(await values(dy), [5, 6]);
  assertEquals(await values(again), [5, 6]);
  assertEquals(await values(seed), [5, 6]);
});

test("Tape does not add to a gradient that others see", async (device) => {
  using tape = new Tape();
  const [x, v, w] = [1, 2, 3].map((n) => tensor(device, [n, n]));
  tape.watch([x, v, w]);
  const loss = sum(add(mul(add(x, v), 10), mul(add(x, w), 100)));
  const gradients = tape.gradients(loss, [x, v, w]);
  assertEquals(await Promise.all(gradients.map(values)), [
    [110, 110],
    [10, 10],
    [100, 100],
  ]);
});

test("Tape takes a seed", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [1, 2]);
  tape.watch([x]);
  const seed = tensor(device, [10, 100]);
  const [dx] = tape.gradients(square(x), [x], { seed });
  assertEquals(await values(dx), [20, 400]);
});

test("Tape gives zeros or nothing for unused tensors", async (device) => {
  for (const unused of ["zero", "absent"] as const) {
    using tape = new Tape();
    const [x, y] = [tensor(device, [1]), tensor(device, [[1, 2]])];
    tape.watch([x, y]);
    square(y);
    const [dx, dy] = tape.gradients(sum(x), [x, y], {
      unused: unused as "absent",
    });
    assertEquals(await values(dx as Tensor), [1]);
    if (unused === "absent") {
      assertEquals(dy, undefined);
    } else {
      assertEquals(dy?.shape, [1, 2]);
      assertEquals(await values(dy as Tensor), [0, 0]);
    }
  }
});

test("Tape owns what it needs when handles are disposed of and scopes closed", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [1, 2]);
  tape.watch([x]);
  let loss: Tensor;
  {
    using scope = device.scope();
    const y = exp(x);
    const z = square(y);
    y.dispose();
    loss = scope.keep(sum(z));
  }
  x.dispose();
  const [dx] = tape.gradients(loss, [x]);
  assertEquals(
    (await values(dx)).map(Math.fround),
    [1, 2].map((v) => Math.fround(2 * Math.fround(Math.exp(v)) ** 2)),
  );
});

test("Tape frees what it saved on the way back, and what is left when it is closed", (device) => {
  const x = tensor(device, [1, 2]);
  const before = device.memory.liveBytes;
  {
    using scope = device.scope();
    const tape = new Tape();
    tape.watch([x]);
    const loss = scope.keep(sum(exp(exp(x))));
    tape.gradients(loss, [x]);
    loss.dispose();
    tape[Symbol.dispose]();
  }
  assertEquals(device.memory.liveBytes, before);
  {
    using tape = new Tape();
    tape.watch([x]);
    using _inner = device.scope();
    exp(exp(x));
  }
  assertEquals(device.memory.liveBytes, before);
});

/** The bytes that are live whenever memory is asked for. */
function liveBytesWhile(device: Device, run: () => void): number[] {
  const { allocate } = device;
  const live: number[] = [];
  device.allocate = (...args) => {
    live.push(device.memory.liveBytes);
    return allocate.apply(device, args);
  };
  try {
    run();
  } finally {
    device.allocate = allocate;
  }
  return live;
}

/** Applies a function twenty times, and frees what is in between. */
function chain(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  let y = x;
  for (let i = 0; i < 20; i++) {
    const next = f(y);
    if (y !== x) y.dispose();
    y = next;
  }
  using last = y;
  return sum(last);
}

test("Tape frees gradients in between when they are no longer needed", (device) => {
  using tape = new Tape();
  const x = zeros(device, [256]);
  tape.watch([x]);
  const loss = chain(x, (y) => mul(y, 2));
  // Nothing is saved: x, the gradient of a result, and the next one.
  const live = liveBytesWhile(device, () => tape.gradients(loss, [x]));
  assert(Math.max(...live) < 3 * 1024, `${live}`);
});

test("Tape frees saved values when their gradients are computed", (device) => {
  using tape = new Tape();
  const x = zeros(device, [256]);
  tape.watch([x]);
  const loss = chain(x, exp);
  const live = liveBytesWhile(device, () => tape.gradients(loss, [x]));
  assert(live[0] > 20 * 1024, `${live}`);
  assert(live[live.length - 1] < 5 * 1024, `${live}`);
});

test("Tape frees saved values that are not on the way before it goes back", (device) => {
  using tape = new Tape();
  const x = zeros(device, [256]);
  tape.watch([x]);
  chain(x, exp);
  const loss = sum(x);
  const live = liveBytesWhile(device, () => tape.gradients(loss, [x]));
  assert(live[0] < 2 * 1024, `${live}`);
});

test("Tape does not save what no gradient needs", (device) => {
  const weight = zeros(device, [4, 4]);
  const x = zeros(device, [8, 4]);
  using tape = new Tape();
  tape.watch([x]);
  const before = device.memory.liveBuffers;
  matmul(x, weight).dispose();
  weight.dispose();
  // The frozen weight is kept for the gradient of x; x itself is not.
  x.dispose();
  assertEquals(device.memory.liveBuffers, before - 1);
});

test("Tape puts gradients into the open scope", (device) => {
  using tape = new Tape();
  const x = tensor(device, [1, 2]);
  tape.watch([x]);
  const loss = sum(square(x));
  const scope = device.scope();
  const [dx] = tape.gradients(loss, [x]);
  assertEquals(scope.size, 1);
  scope[Symbol.dispose]();
  assert(dx.disposed);
});

test("Tape differentiates through views and integers' bystanders", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [1, 5, 3, 4]);
  tape.watch([x]);
  const y = reshape(x, [2, 2]);
  const index = argmax(y);
  const [dx] = tape.gradients(sum(square(y)), [x]);
  assertEquals(await index.item(), 1);
  assertEquals(await values(dx), [2, 10, 6, 8]);
});

test("Tape restores the tape around it", async (device) => {
  using outer = new Tape();
  const x = tensor(device, [3]);
  outer.watch([x]);
  {
    using inner = new Tape();
    inner.watch([x]);
    const [dx] = inner.gradients(sum(square(x)), [x]);
    assertEquals(await values(dx), [6]);
  }
  const [dx] = outer.gradients(sum(mul(x, 2)), [x]);
  assertEquals(await values(dx), [2]);
});

test("Tape records what an inner tape records too", async (device) => {
  using outer = new Tape();
  const [x, y] = [tensor(device, [3]), tensor(device, [5])];
  outer.watch([x]);
  let product: Tensor;
  {
    using inner = new Tape();
    inner.watch([y]);
    product = mul(x, y);
    const [dy] = inner.gradients(product, [y]);
    assertEquals(await values(dy), [3]);
  }
  const [dx] = outer.gradients(square(product), [x]);
  assertEquals(await values(dx), [150]);
});

test("Tape gives the gradients of several losses with one tape for each", async (device) => {
  using first = new Tape();
  using second = new Tape();
  const x = tensor(device, [3]);
  for (const tape of [first, second]) tape.watch([x]);
  const y = square(x);
  const [a] = second.gradients(y, [x]);
  const [b] = first.gradients(square(y), [x]);
  assertEquals([...await values(a), ...await values(b)], [6, 108]);
});

test("Tape refuses gradients of gradients unless they are made constant", async (device) => {
  const x = tensor(device, [3]);
  for (const constant of [false, true]) {
    using outer = new Tape();
    outer.watch([x]);
    using inner = new Tape();
    inner.watch([x]);
    const [dx] = inner.gradients(square(x), [x]);
    const loss = mul(x, constant ? stopGradient(dx) : dx);
    inner[Symbol.dispose]();
    if (constant) {
      const [d] = outer.gradients(loss, [x]);
      assertEquals(await values(d), [6]);
    } else {
      assertThrows(
        () => outer.gradients(loss, [x]),
        GradientError,
        "depends on a gradient",
      );
    }
  }
});

test("Tape refuses gradients of gradients on every tape around", (device) => {
  const x = tensor(device, [3]);
  using outer = new Tape();
  using middle = new Tape();
  using inner = new Tape();
  for (const tape of [outer, middle, inner]) tape.watch([x]);
  const [dx] = inner.gradients(square(x), [x]);
  inner[Symbol.dispose]();
  const loss = mul(x, dx);
  middle[Symbol.dispose]();
  assertThrows(() => outer.gradients(loss, [x]), GradientError);
});

test("Tape announces nothing on the way back", (device) => {
  const announced: string[] = [];
  const previous = setOpObserver({
    observes: () => true,
    record: ({ op }) => announced.push(op),
  });
  try {
    using tape = new Tape();
    const x = tensor(device, [1, 2]);
    tape.watch([x]);
    tape.gradients(sum(exp(x)), [x]);
  } finally {
    setOpObserver(previous);
  }
  assertEquals(announced, ["exp", "sum"]);
});

test("Tape does not record in noGrad() and behind stopGradient()", async (device) => {
  using tape = new Tape();
  const x = tensor(device, [3]);
  tape.watch([x]);
  const constant = noGrad(() => square(x));
  const loss = add(mul(x, constant), mul(x, stopGradient(x)));
  const [dx] = tape.gradients(loss, [x]);
  assertEquals(await values(dx), [12]);
});

Deno.test("noGrad() goes on recording when the function throws", async () => {
  await using device = await openDevice("reference");
  using _scope = device.scope();
  using tape = new Tape();
  const x = tensor(device, [3]);
  tape.watch([x]);
  assertThrows(
    () =>
      noGrad(() => {
        throw new Error("inside");
      }),
    Error,
    "inside",
  );
  assertThrows(
    () => noGrad(() => Promise.resolve()),
    ArgumentError,
    "noGrad()",
  );
  assertEquals(await values(tape.gradients(square(x), [x])[0]), [6]);
});

test("Tape throws when a saved value was written in place", (device) => {
  using tape = new Tape();
  const [x, w] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  tape.watch([x, w]);
  const loss = sum(mul(x, w));
  assign(w, zeros(device, [2]));
  const error = assertThrows(
    () => tape.gradients(loss, [x]),
    GradientError,
    'Cannot compute the gradient of "mul": its operand 1 of shape [2] was written in place',
  );
  assert(!error.message.endsWith("."));
});

test("Tape does not mind writes to values that it did not save", async (device) => {
  using tape = new Tape();
  const [x, w] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  tape.watch([x]);
  const loss = sum(mul(x, w));
  assign(x, zeros(device, [2]));
  assertEquals(await values(tape.gradients(loss, [x])[0]), [3, 4]);
});

test("Tape leaves nothing behind when a gradient fails", (device) => {
  const [x, w] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  const before = device.memory.liveBytes;
  {
    using tape = new Tape();
    tape.watch([x, w]);
    using _inner = device.scope();
    const loss = sum(square(exp(mul(x, w))));
    assign(w, zeros(device, [2]));
    assertThrows(() => tape.gradients(loss, [x, w]), GradientError);
  }
  assertEquals(device.memory.liveBytes, before);
});

test("Tape throws for what it does not know", async (device) => {
  using tape = new Tape();
  const [x, y] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
  tape.watch([x]);
  const loss = sum(x);
  assertThrows(
    () => tape.gradients(loss, [y]),
    ArgumentError,
    "the tape does not know it",
  );
  assertThrows(
    () => tape.gradients(sum(y), [x]),
    GradientError,
    "the tape did not record it",
  );
  assertThrows(
    () => tape.watch([tensor(device, [1], { dtype: "int32" })]),
    DTypeError,
    "int32",
  );
  // All of this was refused before the tape was used up.
  assertEquals(await values(tape.gradients(loss, [x])[0]), [1, 1]);
});

test("Tape throws for losses and seeds that do not fit", async (device) => {
  using tape = new Tape();
  await using other = await openDevice("reference");
  using _scope = other.scope();
  const x = tensor(device, [1, 2]);
  const foreign = tensor(other, [1, 2]);
  tape.watch([x, foreign]);
  const y = square(x);
  assertThrows(() => tape.gradients(y, [x]), ShapeError, "[2]");
  const seeds: [
    Tensor,
    typeof ShapeError | typeof DTypeError | typeof DeviceError,
  ][] = [
    [tensor(device, [1]), ShapeError],
    [tensor(device, [1, 1], { dtype: "float64" }), DTypeError],
    [tensor(other, [1, 1]), DeviceError],
  ];
  for (const [seed, type] of seeds) {
    assertThrows(() => tape.gradients(y, [x], { seed }), type, "Cannot seed");
  }
  assertThrows(() => tape.gradients(sum(y), [foreign]), DeviceError);
});

test("Tape gives gradients once", (device) => {
  using tape = new Tape();
  const x = tensor(device, [1, 2]);
  tape.watch([x]);
  const loss = sum(square(x));
  tape.gradients(loss, [x]);
  assertThrows(() => tape.gradients(loss, [x]), TapeError, "once");
  assertThrows(() => tape.watch([x]), TapeError, "once");
  tape[Symbol.dispose]();
  tape[Symbol.dispose]();
  assertThrows(() => tape.gradients(loss, [x]), TapeError, "closed");
});

test("Tape throws when it is closed out of order", (device) => {
  const outer = new Tape();
  const inner = new Tape();
  assertThrows(
    () => outer[Symbol.dispose](),
    TapeError,
    "reverse order of their opening",
  );
  assertThrows(
    () => noGrad(() => inner[Symbol.dispose]()),
    TapeError,
    "paused",
  );
  inner[Symbol.dispose]();
  outer[Symbol.dispose]();
  // Nobody records any more.
  const before = device.memory.liveBuffers;
  square(tensor(device, [1])).dispose();
  assertEquals(device.memory.liveBuffers, before + 1);
});

test("Tape throws for operands without a gradient", (device) => {
  using tape = new Tape();
  const q = zeros(device, [1, 1, 1, 2]);
  const bias = zeros(device, [1, 1, 1, 1]);
  tape.watch([q, bias]);
  const mask = sub(bias, 1);
  const loss = sum(scaledDotProductAttention(q, q, q, { mask }));
  assertThrows(
    () => tape.gradients(loss, [bias]),
    GradientError,
    '"scaledDotProductAttention" for operand 3',
  );
});
