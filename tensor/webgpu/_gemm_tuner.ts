/** Finds by trials how a device computes the products of a function fastest. */

import { dtypeInfo } from "../dtype.ts";
import { DeviceError } from "../errors.ts";
import { sizeOf } from "../shape.ts";
import type { TunedProduct } from "../tuning.ts";
import type { GpuBuffer, GpuView } from "./_buffer.ts";
import { fill } from "./_fill.ts";
import { flagsOf, type GemmCall, runPlan } from "./_gemm.ts";
import {
  formatChoice,
  gemmCandidates,
  type GemmChoice,
  splitCandidates,
} from "./_gemm_choice.ts";
import { gemmName, gemmPlan } from "./_gemm_plans.ts";
import type { Runtime } from "./_runtime.ts";
import { findSamples, refined, timesInTurn } from "./_trial_clock.ts";

/** What another way must take at most, in parts of the plain one's time, to be worth it. */
const WORTHWHILE = 0.97;

/** Ways that take this many times as long as the fastest have no turns in the rounds. */
const HOPELESS = 1.5;

/** How long the trials of one product should take, in milliseconds. */
const TRIAL_MILLISECONDS = 60;
const MIN_ROUNDS = 3;
const MAX_ROUNDS = 25;

/**
 * Finds out which products a function computes, tries those that nothing is
 * known of, and lets the device compute them in the fastest way from then on.
 * Nothing of the function is run on the device. Ways that it cannot compute a
 * product by are left out, and products that it cannot try.
 *
 * @param runtime The device.
 * @param run The function.
 * @param onProduct Told of each product.
 * @throws {DeviceLostError} If the device was lost.
 */
export async function tuneGemms(
  runtime: Runtime,
  run: () => unknown,
  onProduct: (product: TunedProduct) => void,
): Promise<void> {
  if (runtime.queue.observer !== undefined) {
    throw new DeviceError(
      "Cannot tune the webgpu device while it is being profiled",
    );
  }
  const calls = await recorded(runtime, run);
  let done = 0;
  for (const [name, call] of calls) {
    const found = await unlessItFails(runtime, () => tuneGemm(runtime, call));
    done++;
    if (found === undefined) continue;
    const { choice, ...times } = found;
    runtime.gemmPlans.setTuned(name, choice);
    onProduct({
      name,
      way: formatChoice(choice),
      ...times,
      done,
      total: calls.size,
    });
  }
}

/** The products of a function by name, without those that were tried before. */
async function recorded(
  runtime: Runtime,
  run: () => unknown,
): Promise<Map<string, GemmCall>> {
  const found: GemmCall[] = runtime.recordedGemms = [];
  try {
    await runtime.compile(run);
  } finally {
    runtime.recordedGemms = undefined;
  }
  const calls = new Map<string, GemmCall>();
  for (const call of found) {
    const name = gemmName(call.source, flagsOf(call), call.sizes);
    const isEmpty = sizeOf(call.out.shape) === 0;
    if (!isEmpty && !runtime.gemmPlans.tuned.has(name)) calls.set(name, call);
  }
  return calls;
}

/**
 * Tries something that the device may not be able to do: compilers, drivers
 * and memory differ, and fail in ways of their own.
 *
 * @returns What it gives; `undefined` if it fails.
 * @throws {DeviceLostError} If the device was lost.
 */
async function unlessItFails<T>(
  runtime: Runtime,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action();
  } catch {
    await runtime.recover();
    return undefined;
  }
}

/** The fastest way, and its time and the plain one's. */
interface Found {
  readonly choice: GemmChoice;
  readonly milliseconds: number;
  readonly plainMilliseconds: number;
}

async function tuneGemm(
  runtime: Runtime,
  recorded: GemmCall,
): Promise<Found | undefined> {
  const buffers: GpuBuffer[] = [];
  const own = (view: GpuView): GpuView => {
    // Of its place in its buffer only the alignment counts.
    const byteOffset = view.byteOffset % runtime.binding.alignment;
    const bytes = sizeOf(view.shape) * dtypeInfo(view.dtype).byteSize;
    const buffer = runtime.allocate(Math.ceil((byteOffset + bytes) / 4) * 4);
    buffers.push(buffer);
    const mine = { ...view, buffer, byteOffset };
    fill(runtime, mine, 1);
    return mine;
  };
  try {
    const { a, b, out, bias, preActivation } = recorded;
    const call: GemmCall = {
      ...recorded,
      a: own(a),
      b: own(b),
      out: own(out),
      bias: bias && own(bias),
      preActivation: preActivation && own(preActivation),
    };
    const shapes = gemmCandidates(call.sizes, runtime.traits);
    const first = await trial(runtime, call, shapes);
    if (first === undefined) return undefined;
    const splits = splitCandidates(call.sizes, first.choice);
    if (splits.length === 1) return first;
    const [plain] = shapes;
    // The first of the splits is the choice itself.
    const others = first.choice === plain ? splits : [plain, ...splits];
    return await unlessItFails(runtime, () => trial(runtime, call, others)) ??
      first;
  } finally {
    for (const buffer of buffers) runtime.free(buffer);
    runtime.trim();
  }
}

/** A way to compute a product, and what does it. */
interface Way {
  readonly choice: GemmChoice;
  readonly run: () => void;
}

/** Tries ways in turn, the plain one first, which wins unless another is clearly faster; `undefined` if none works. */
async function trial(
  runtime: Runtime,
  call: GemmCall,
  choices: readonly GemmChoice[],
): Promise<Found | undefined> {
  const flags = flagsOf(call);
  const ways = await working(
    runtime,
    choices.map((choice) => {
      const plan = gemmPlan(call.source, flags, choice);
      return { choice, run: () => runPlan(runtime, call, plan) };
    }),
  );
  const isPlain = ({ choice }: Way) => choice === choices[0];
  const samples = await findSamples(runtime, ways.map(({ run }) => run));
  const once = samples.map(({ milliseconds, calls }) => milliseconds / calls);
  const limit = HOPELESS * Math.min(...once);
  const hopeful = [...ways.keys()].filter((i) =>
    isPlain(ways[i]) || once[i] <= limit
  );
  if (hopeful.length === 0) return undefined;
  const longer = refined(runtime, hopeful.map((i) => samples[i]));
  const total = longer.reduce((sum, sample) => sum + sample.milliseconds, 0);
  const rounds = Math.ceil(TRIAL_MILLISECONDS / total);
  const times = await timesInTurn(
    runtime,
    longer,
    Math.min(MAX_ROUNDS, Math.max(MIN_ROUNDS, rounds)),
  );
  const least = Math.min(...times);
  const fastest = times.indexOf(least);
  // If the plain way does not work, it is not there.
  const plain = hopeful.findIndex((i) => isPlain(ways[i]));
  const best = least >= WORTHWHILE * times[plain] ? plain : fastest;
  return {
    choice: ways[hopeful[best]].choice,
    milliseconds: times[best],
    plainMilliseconds: times[plain] ?? least,
  };
}

/** Those of some ways that the device can compute a product by, compiled. */
async function working(runtime: Runtime, ways: readonly Way[]): Promise<Way[]> {
  const works = async (some: readonly Way[]) => {
    const run = () => some.forEach(({ run }) => run());
    await runtime.compile(run);
    run();
    await runtime.synchronize();
    return some;
  };
  const all = await unlessItFails(runtime, () => works(ways));
  if (all !== undefined) return [...all];
  // Errors come late, and do not say whose they are.
  const found: Way[] = [];
  for (const way of ways) {
    found.push(...await unlessItFails(runtime, () => works([way])) ?? []);
  }
  return found;
}
