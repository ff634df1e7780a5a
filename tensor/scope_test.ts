import { assert, assertEquals, assertThrows } from "@std/assert";
import { add, exp } from "./mod.ts";
import { ones, zeros } from "./creation.ts";
import { ArgumentError, DisposedError, ScopeError } from "./errors.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

reference.test("scope() frees what was made inside it", (device) => {
  const outside = zeros(device, [4]);
  const { liveBytes } = device.memory;
  {
    using scope = device.scope();
    const inside = add(outside, 1);
    assertEquals(scope.size, 1);
    assert(!inside.disposed);
  }
  assertEquals(device.memory.liveBytes, liveBytes);
  assert(!outside.disposed);
  outside.dispose();
});

reference.test("scope() owns what is made behind an await too", async (device) => {
  let made;
  {
    using _scope = device.scope();
    const x = ones(device, [2]);
    await x.data();
    made = add(x, 1);
    await Promise.resolve();
    assertEquals([...await made.data()], [2, 2]);
  }
  assert(made.disposed);
});

reference.test("scope() owns only what is made while it is the innermost one", (device) => {
  using outer = device.scope();
  const x = ones(device, [2]);
  {
    using inner = device.scope();
    exp(x);
    assertEquals([outer.size, inner.size], [1, 1]);
  }
  exp(x);
  assertEquals(outer.size, 2);
});

reference.test("keep() gives a tensor to the scope around", (device) => {
  let x;
  {
    using outer = device.scope();
    {
      using inner = device.scope();
      x = inner.keep(ones(device, [2]));
      assertEquals([outer.size, inner.size], [1, 0]);
    }
    assert(!x.disposed);
  }
  assert(x.disposed);
});

reference.test("keep() gives a tensor to its holder when there is no scope around", (device) => {
  let x;
  {
    using scope = device.scope();
    x = scope.keep(ones(device, [2]));
  }
  assert(!x.disposed);
  x.dispose();
});

reference.test("keep() throws when the scope does not own the tensor", (device) => {
  using x = ones(device, [2]);
  using scope = device.scope();
  assertThrows(
    () => scope.keep(x),
    ArgumentError,
    'Cannot keep Tensor(float32 [2], made by "full")',
  );
});

reference.test("dispose() before the end of the scope frees at once", (device) => {
  using scope = device.scope();
  const x = ones(device, [2]);
  x.dispose();
  x.dispose();
  assertEquals(scope.size, 0);
  assertEquals(device.memory.liveBuffers, 0);
});

reference.test("dispose() in an inner scope takes a tensor out of the outer one", (device) => {
  using outer = device.scope();
  const x = ones(device, [2]);
  using _inner = device.scope();
  x.dispose();
  assertEquals(outer.size, 0);
});

reference.test("scope() throws when scopes are closed out of order, and can be closed in order then", (device) => {
  const outer = device.scope();
  const inner = device.scope();
  const x = ones(device, [2]);
  assertThrows(() => outer[Symbol.dispose](), ScopeError, "opened later");
  assert(!x.disposed);
  inner[Symbol.dispose]();
  outer[Symbol.dispose]();
  outer[Symbol.dispose]();
  assert(x.disposed);
});

reference.test("operations throw when a scope has disposed of an operand", (device) => {
  let x: ReturnType<typeof ones>;
  {
    using _scope = device.scope();
    x = exp(ones(device, [2, 3]));
  }
  assertThrows(
    () => add(x, 1),
    DisposedError,
    'Cannot use Tensor(float32 [2, 3], made by "exp"): it was disposed of',
  );
});
