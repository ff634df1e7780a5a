/**
 * Rows of the operation table: operations that make tensors of nothing. A
 * scalar operand tells them their device.
 *
 * @module
 */

import * as t from "@cram/tensor";
import type { Device, Shape, Tensor } from "@cram/tensor";
import { Samples } from "../host_tensor.ts";
import { EXACT, type Op, type OpCase, SHAPES } from "./op.ts";

const where = new Samples(0).floats([]);

function row(
  name: string,
  cases: Readonly<Record<string, (device: Device) => Tensor>>,
): Op {
  return {
    name,
    tolerance: EXACT,
    single: "all",
    cases: Object.entries(cases).map(([name, make]): OpCase => ({
      name,
      inputs: [where],
      run: ({ device }) => make(device),
    })),
    gradchecks: [],
  };
}

function forShapes(
  make: (device: Device, shape: Shape) => Tensor,
): Record<string, (device: Device) => Tensor> {
  return Object.fromEntries(
    SHAPES.map((shape) => [`[${shape}]`, (device) => make(device, shape)]),
  );
}

const draw = { seed: 2n ** 40n + 5n, stream: 2n ** 33n + 1n };

/** Operations that make tensors. */
export const creationOps: readonly Op[] = [
  row("full", {
    ...forShapes((device, shape) => t.full(device, shape, 1.5)),
    NaN: (device) => t.full(device, [3], NaN),
    "-∞": (device) => t.full(device, [3], -Infinity),
    int32: (device) => t.full(device, [3], -7, { dtype: "int32" }),
    uint32: (device) => t.full(device, [3], 2 ** 32 - 1, { dtype: "uint32" }),
    bool: (device) => t.full(device, [3], 1, { dtype: "bool" }),
  }),
  row("arange", {
    numbers: (device) => t.arange(device, 1030),
    steps: (device) => t.arange(device, 2, { start: 10, step: -3 }),
    integers: (device) => t.arange(device, 7, { dtype: "int32" }),
  }),
  row("eye", {
    square: (device) => t.eye(device, 5),
    wide: (device) => t.eye(device, 3, { columns: 7 }),
  }),
  row("randomUniform", {
    ...forShapes((device, shape) => t.randomUniform(device, shape, draw)),
    "[66, 129]": (device) => t.randomUniform(device, [66, 129], draw),
    "a range": (device) =>
      t.randomUniform(device, [1030], { ...draw, low: -0.3, high: 0.7 }),
  }),
  row(
    "randomNormal",
    forShapes((device, shape) =>
      t.randomNormal(device, shape, { ...draw, standardDeviation: 0.3 })
    ),
  ),
  row(
    "randomTruncatedNormal",
    forShapes((device, shape) => t.randomTruncatedNormal(device, shape, draw)),
  ),
  row(
    "randomBernoulli",
    forShapes((device, shape) =>
      t.randomBernoulli(device, shape, { ...draw, probability: 0.3 })
    ),
  ),
];
