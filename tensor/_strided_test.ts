import { assertEquals } from "@std/assert";
import type { StridedLayout, View } from "./backend.ts";
import { ones, zeros } from "./creation.ts";
import type { Device } from "./device.ts";
import { viewOf } from "./tensor.ts";
import { copyStrided, copyWords } from "./_strided.ts";
import { openTested, REFERENCE } from "../tests/devices.ts";

const [reference] = await openTested(REFERENCE);

/** A backend that notes the copies it is asked for. */
function noting(device: Device) {
  const copies: StridedLayout[] = [];
  const stridedCopy = (_source: View, _target: View, layout: StridedLayout) =>
    void copies.push(layout);
  return { copies, backend: { ...device.backend, stridedCopy } };
}

reference.test("copyStrided() merges the axes along which both sides go on evenly", (device) => {
  using x = zeros(device, [100]);
  const { copies, backend } = noting(device);
  copyStrided(viewOf(x), viewOf(x), {
    shape: [2, 1, 3, 4],
    sourceOffset: 1,
    sourceStrides: [20, 7, 4, 1],
    targetOffset: 50,
    targetStrides: [12, 5, 4, 1],
  }, backend);
  assertEquals(copies, [{
    shape: [2, 12],
    sourceOffset: 1,
    sourceStrides: [20, 1],
    targetOffset: 50,
    targetStrides: [12, 1],
  }]);
});

reference.test("copyStrided() asks for nothing when there are no elements", (device) => {
  using x = zeros(device, [4]);
  const { copies, backend } = noting(device);
  copyStrided(viewOf(x), viewOf(x), {
    shape: [2, 0],
    sourceOffset: 0,
    sourceStrides: [1, 1],
    targetOffset: 0,
    targetStrides: [1, 1],
  }, backend);
  assertEquals(copies, []);
});

reference.test("copyWords() counts words, whatever the dtype", (device) => {
  for (
    const [dtype, words] of [["uint8", 2], ["float16", 3], [
      "float64",
      10,
    ]] as const
  ) {
    using x = ones(device, [5], { dtype });
    const { copies, backend } = noting(device);
    copyWords(viewOf(x), viewOf(x), backend);
    assertEquals(copies.map(({ shape }) => shape), [[words]]);
  }
});
