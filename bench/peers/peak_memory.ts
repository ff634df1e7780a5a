/**
 * The most memory that a library's process takes for some training steps, in
 * a process of its own: run by `deno task bench:peers`, prints bytes.
 *
 * @module
 */

import { WORKS } from "../works.ts";
import { openCram } from "./cram.ts";

if (import.meta.main) {
  const [name, threads] = Deno.args;
  const work = WORKS.find((work) => work.name === name);
  if (work === undefined) throw new RangeError(`There is no work "${name}"`);
  const cram = await openCram({ device: "cpu", threads: Number(threads) });
  const prepared = await cram.prepare(work);
  await prepared.time(3);
  await prepared.dispose();
  await cram.close();
  const status = await Deno.readTextFile("/proc/self/status");
  console.log(1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]));
}
