/**
 * A profile in the trace event format of Chrome, which `chrome://tracing` and
 * Perfetto open.
 *
 * Source: "Trace Event Format", the document of the Catapult project.
 *
 * @module
 */

import type { Profile } from "./profile.ts";

/** An event of a trace; times are in microseconds. */
export interface TraceEvent {
  /** What it is: a span (`X`), a moment (`i`), a value (`C`), or about a track (`M`). */
  readonly ph: "X" | "i" | "C" | "M";
  /** Its name. */
  readonly name: string;
  /** When it began. */
  readonly ts: number;
  /** How long it took, if it is a span. */
  readonly dur?: number;
  /** Its process. */
  readonly pid: number;
  /** Its track. */
  readonly tid: number;
  /** How wide a moment is drawn: `g`, over all tracks. */
  readonly s?: "g";
  /** What else is known. */
  readonly args?: Readonly<Record<string, string | number>>;
}

/** A trace, to be written as JSON. */
export interface Trace {
  /** The events. */
  readonly traceEvents: readonly TraceEvent[];
  /** The unit that viewers show. */
  readonly displayTimeUnit: "ms";
  /** What was traced. */
  readonly otherData: Readonly<Record<string, string>>;
}

const PID = 1;
const HOST = 1;
const DEVICE = 2;

/**
 * Makes a trace of a profile: a track of the host with calls of kernels and
 * submissions, on webgpu one of the GPU with kernels (or, without
 * `timestamp-query`, submissions until the host was told that they are done),
 * the bytes of live tensors, and the marks.
 *
 * @param profile What was measured.
 * @returns The trace; `JSON.stringify()` makes a file of it.
 */
export function traceOf(profile: Profile): Trace {
  const { device, calls, kernels, submissions, memory, marks } = profile;
  const events: TraceEvent[] = [
    about("process_name", HOST, `cram on ${device.kind}`),
    about("thread_name", HOST, "Host"),
  ];
  for (const { name, begin, milliseconds, flops, bytes } of calls) {
    events.push(span(HOST, name, begin, milliseconds, { flops, bytes }));
  }
  if (device.kind === "webgpu") {
    events.push(about("thread_name", DEVICE, "GPU"));
  }
  for (const { name, begin, milliseconds, call } of kernels) {
    const operation = calls[call]?.name ?? "";
    events.push(span(DEVICE, name, begin, milliseconds, { operation }));
  }
  let free = 0;
  for (const { begin, handed, done, kernels } of submissions) {
    events.push(span(HOST, "submit", begin, handed - begin, { kernels }));
    if (done === undefined) continue;
    // They run one behind the other.
    const from = Math.max(begin, free);
    free = Math.max(done, from);
    events.push(span(DEVICE, "submission", from, free - from, { kernels }));
  }
  for (const { time, bytes } of memory) {
    events.push({
      ph: "C",
      name: "memory",
      ts: 1000 * time,
      pid: PID,
      tid: HOST,
      args: { bytes },
    });
  }
  for (const { name, time } of marks) {
    events.push({
      ph: "i",
      name,
      ts: 1000 * time,
      pid: PID,
      tid: HOST,
      s: "g",
    });
  }
  return {
    traceEvents: events,
    displayTimeUnit: "ms",
    otherData: { device: device.description, timing: profile.timing },
  };
}

function about(what: string, tid: number, name: string): TraceEvent {
  return { ph: "M", name: what, ts: 0, pid: PID, tid, args: { name } };
}

function span(
  tid: number,
  name: string,
  begin: number,
  milliseconds: number,
  args: TraceEvent["args"],
): TraceEvent {
  return {
    ph: "X",
    name,
    ts: 1000 * begin,
    dur: 1000 * milliseconds,
    pid: PID,
    tid,
    args,
  };
}
