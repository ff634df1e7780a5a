// @ts-nocheck: AssemblyScript, compiled by ../build.ts

/*
 * Updates of parameters, each in one pass over memory, which is what they
 * wait for. Factors come from a table of vectors in the thread's own room.
 */

import { address, float, int, madd, slice, threadScratch } from "./_kernel.ts";
import { Four, loadLanes, One, storeLanes } from "./_lanes.ts";
import { splat } from "./_math.ts";

/**
 * Makes a table of factors: first a scale, which is a float32 at the address
 * in argument `index` or, if that is 0, the number in the next argument; then
 * the `count` numbers in the arguments behind.
 */
function factorTable(params: usize, index: i32, count: i32): usize {
  const table = threadScratch();
  const scale = address(params, index);
  v128.store(
    table,
    scale == 0 ? splat(float(params, index + 1)) : v128.load32_splat(scale),
  );
  for (let i = 1; i <= count; i++) {
    v128.store(table + (<usize> i << 4), splat(float(params, index + 1 + i)));
  }
  return table;
}

/** Where a part starts, in bytes. */
function startOf(count: i32, part: i32, parts: i32): usize {
  return <usize> slice(count, part, parts, 16) << 2;
}

class Plain {}
class Adaptive {}

/** saved = θ; θ += scale·g, or scale·g·θ². */
function ascend<W, Kind>(
  parameter: usize,
  gradient: usize,
  saved: usize,
  table: usize,
): void {
  const theta = loadLanes<W>(parameter);
  let g = loadLanes<W>(gradient);
  if (idof<Kind>() == idof<Adaptive>()) {
    g = f32x4.mul(g, f32x4.mul(theta, theta));
  }
  storeLanes<W>(saved, theta);
  storeLanes<W>(parameter, madd(v128.load(table), g, theta));
}

function perturbAll<Kind>(params: usize, part: i32, parts: i32): void {
  const parameter = address(params, 0);
  const gradient = address(params, 1);
  const saved = address(params, 2);
  const count = int(params, 3);
  const table = factorTable(params, 4, 0);
  const end = startOf(count, part + 1, parts);
  let i = startOf(count, part, parts);
  for (; i + 16 <= end; i += 16) {
    ascend<Four, Kind>(parameter + i, gradient + i, saved + i, table);
  }
  for (; i < end; i += 4) {
    ascend<One, Kind>(parameter + i, gradient + i, saved + i, table);
  }
}

/** (parameter, gradient, saved, count, scale, scale). */
export function perturb(params: usize, part: i32, parts: i32): void {
  perturbAll<Plain>(params, part, parts);
}

/** As `perturb`. */
export function perturbAdaptive(params: usize, part: i32, parts: i32): void {
  perturbAll<Adaptive>(params, part, parts);
}

function addKept<W>(target: usize, x: usize, mask: usize): void {
  const sum = loadLanes<W>(target);
  const isDropped = i32x4.eq(loadLanes<W>(mask), i32x4.splat(0));
  const added = f32x4.add(sum, loadLanes<W>(x));
  storeLanes<W>(target, v128.bitselect(sum, added, isDropped));
}

/** (target, x, mask, count). */
export function maskedAdd(params: usize, part: i32, parts: i32): void {
  const target = address(params, 0);
  const x = address(params, 1);
  const mask = address(params, 2);
  const count = int(params, 3);
  const end = startOf(count, part + 1, parts);
  let i = startOf(count, part, parts);
  for (; i + 16 <= end; i += 16) {
    addKept<Four>(target + i, x + i, mask + i);
  }
  for (; i < end; i += 4) addKept<One>(target + i, x + i, mask + i);
}

/**
 * The table is (gradient scale, -η, μ, 1 - dampening, λ). On the first step
 * the velocity is not read: it may be anything.
 */
function descend<W>(
  parameter: usize,
  gradient: usize,
  velocity: usize,
  out: usize,
  table: usize,
  first: bool,
  nesterov: bool,
): void {
  const theta = loadLanes<W>(parameter);
  const g = madd(
    v128.load(table),
    loadLanes<W>(gradient),
    f32x4.mul(v128.load(table, 64), theta),
  );
  let direction = g;
  if (velocity != 0) {
    const momentum = v128.load(table, 32);
    let v = g;
    if (!first) {
      const share = f32x4.mul(v128.load(table, 48), g);
      v = madd(momentum, loadLanes<W>(velocity), share);
    }
    storeLanes<W>(velocity, v);
    direction = nesterov ? madd(momentum, v, g) : v;
  }
  storeLanes<W>(out, madd(v128.load(table, 16), direction, theta));
}

/**
 * (parameter, gradient, velocity, out, count, first, nesterov, gradient
 * scale, gradient scale, -η, μ, 1 - dampening, λ).
 */
export function sgdStep(params: usize, part: i32, parts: i32): void {
  const parameter = address(params, 0);
  const gradient = address(params, 1);
  const velocity = address(params, 2);
  const out = address(params, 3);
  const count = int(params, 4);
  const first = int(params, 5) != 0;
  const nesterov = int(params, 6) != 0;
  const table = factorTable(params, 7, 4);
  const end = startOf(count, part + 1, parts);
  let i = startOf(count, part, parts);
  for (; i + 16 <= end; i += 16) {
    descend<Four>(
      parameter + i,
      gradient + i,
      velocity == 0 ? 0 : velocity + i,
      out + i,
      table,
      first,
      nesterov,
    );
  }
  for (; i < end; i += 4) {
    descend<One>(
      parameter + i,
      gradient + i,
      velocity == 0 ? 0 : velocity + i,
      out + i,
      table,
      first,
      nesterov,
    );
  }
}

/**
 * The table is (gradient scale, β₁, 1 - β₁, β₂, 1 - β₂, -η / (1 - β₁ᵗ),
 * 1 / √(1 - β₂ᵗ), ε, coupled λ, decoupled -ηλ).
 */
function adapt<W>(
  parameter: usize,
  gradient: usize,
  mean: usize,
  square: usize,
  out: usize,
  table: usize,
): void {
  const theta = loadLanes<W>(parameter);
  const g = madd(
    v128.load(table),
    loadLanes<W>(gradient),
    f32x4.mul(v128.load(table, 128), theta),
  );
  const m = madd(
    v128.load(table, 16),
    loadLanes<W>(mean),
    f32x4.mul(v128.load(table, 32), g),
  );
  const v = madd(
    v128.load(table, 48),
    loadLanes<W>(square),
    f32x4.mul(f32x4.mul(v128.load(table, 64), g), g),
  );
  storeLanes<W>(mean, m);
  storeLanes<W>(square, v);
  const root = madd(
    f32x4.sqrt(v),
    v128.load(table, 96),
    v128.load(table, 112),
  );
  const start = madd(v128.load(table, 144), theta, theta);
  const step = f32x4.div(f32x4.mul(v128.load(table, 80), m), root);
  storeLanes<W>(out, f32x4.add(start, step));
}

/**
 * (parameter, gradient, mean, square, out, count, gradient scale, gradient
 * scale, and the rest of the table).
 */
export function adamStep(params: usize, part: i32, parts: i32): void {
  const parameter = address(params, 0);
  const gradient = address(params, 1);
  const mean = address(params, 2);
  const square = address(params, 3);
  const out = address(params, 4);
  const count = int(params, 5);
  const table = factorTable(params, 6, 9);
  const end = startOf(count, part + 1, parts);
  let i = startOf(count, part, parts);
  for (; i + 16 <= end; i += 16) {
    adapt<Four>(
      parameter + i,
      gradient + i,
      mean + i,
      square + i,
      out + i,
      table,
    );
  }
  for (; i < end; i += 4) {
    adapt<One>(
      parameter + i,
      gradient + i,
      mean + i,
      square + i,
      out + i,
      table,
    );
  }
}
