/**
 * A profile as a table by operation.
 *
 * @module
 */

import type { Profile } from "./profile.ts";
import type { CallDescription } from "./_profiled_call.ts";

/** What all calls of one kind took together; `flops` and `bytes` are those of the calls that were timed. */
export interface ProfiledOperation extends CallDescription {
  /** How many calls there were. */
  readonly calls: number;
  /** Their time; see {@linkcode Profile.timing}. */
  readonly milliseconds: number;
}

/**
 * Adds up calls of one kind.
 *
 * @param profile What was measured.
 * @returns The kinds, those that took longest first.
 */
export function profiledOperations(profile: Profile): ProfiledOperation[] {
  const { calls, kernels, device } = profile;
  const times = calls.map(({ milliseconds }) => milliseconds);
  if (device.kind === "webgpu" && profile.timing === "kernels") {
    times.fill(0);
    for (const { call, milliseconds } of kernels) times[call] += milliseconds;
  }
  const operations = new Map<string, ProfiledOperation>();
  for (const [i, { name, flops, bytes }] of calls.entries()) {
    const sum = operations.get(name);
    // Copies from buffer to buffer have no time, and would give no rate.
    const counted = times[i] > 0;
    operations.set(name, {
      name,
      calls: (sum?.calls ?? 0) + 1,
      milliseconds: (sum?.milliseconds ?? 0) + times[i],
      flops: (sum?.flops ?? 0) + (counted ? flops : 0),
      bytes: (sum?.bytes ?? 0) + (counted ? bytes : 0),
    });
  }
  return [...operations.values()]
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/**
 * Writes a profile as a table: operations, those that took longest first, with
 * their number of calls, milliseconds, share of the whole time, and the rates
 * of arithmetic and of bytes of operands and results, each counted once.
 *
 * @param profile What was measured.
 * @param runs Into how many equal parts, such as steps, it is divided. Default: 1.
 * @returns Lines.
 */
export function formatProfile(profile: Profile, runs = 1): string {
  const { milliseconds: total, memory, timing, submissions, device } = profile;
  const lines = [row("", "calls", "ms", "%", "GFLOP/s", "GB/s")];
  const timed = (name: string, calls: string, ms: number, rates: string[]) =>
    row(
      name,
      calls,
      (ms / runs).toFixed(1),
      (100 * ms / total).toFixed(1),
      ...rates,
    );
  let rest = total;
  for (const operation of profiledOperations(profile)) {
    const { name, calls, milliseconds, flops, bytes } = operation;
    rest -= milliseconds;
    const rate = (amount: number): string =>
      timing === "host" || amount === 0 || milliseconds === 0
        ? ""
        : (amount / milliseconds / 1e6).toFixed(1);
    const mean = Math.round(10 * calls / runs) / 10;
    lines.push(
      timed(name, `${mean}`, milliseconds, [rate(flops), rate(bytes)]),
    );
  }
  lines.push(timed("outside of kernels", "", rest, []));
  lines.push(timed("all", "", total, []));
  const most = Math.max(...memory.map(({ bytes }) => bytes));
  lines.push(
    "",
    `Most memory in use at once: ${(most / 2 ** 20).toFixed(0)} MiB`,
  );
  if (device.kind === "webgpu") {
    const mean = Math.round(10 * submissions.length / runs) / 10;
    lines.push(`Submissions: ${mean}`);
  }
  if (timing === "host") {
    lines.push(
      "The device has no timestamp-query: times are those that the host took to call kernels, not those of kernels",
    );
  }
  return lines.join("\n");
}

function row(name: string, ...columns: readonly string[]): string {
  return (name.padEnd(32) +
    columns.map((column) => column.padStart(10)).join("")).trimEnd();
}
