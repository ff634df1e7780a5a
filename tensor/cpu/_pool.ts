/**
 * Threads that run parts of kernels.
 *
 * A kernel is started by a few stores to a control block in shared memory:
 * no message is posted. Workers look at the control block for a moment, then
 * sleep on it. Every thread has a share of the parts, neighbours, and when it is
 * through with them helps others, so a slow core does less. The caller's thread
 * works too, and waits for the rest. Kernels follow each other on the same
 * tensors: with shares, a core finds in its cache what it wrote there before.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { builtinModule } from "./_builtin_module.ts";
import { bindNative, type NativeCode } from "./_native.ts";

/** An exported function of the WebAssembly module; see assembly/_kernel.ts. */
export type Kernel = (params: number, part: number, parts: number) => void;

/** What a thread needs to run kernels. */
export interface PoolOptions {
  /** The compiled kernels. */
  readonly module: WebAssembly.Module;
  /** Their memory. */
  readonly memory: WebAssembly.Memory;
  /** The kernels' names, in the order of their numbers. */
  readonly names: readonly string[];
  /** What each thread has of its own; the first is the caller's. */
  readonly threads: readonly ThreadOptions[];
  /** Where arguments are. */
  readonly params: number;
  /** Machine code, if there is any. */
  readonly native: NativeCode;
}

/** What one thread has of its own. */
export interface ThreadOptions {
  /** Where its scratch memory is. */
  readonly scratch: number;
  /** Where the constants of its strips point to. */
  readonly slab: number;
  /** The module of its strips; see _strips.ts. */
  readonly strips: BufferSource;
}

/** The words of the control block. */
const WORDS = {
  /** The number of the run. */
  run: 0,
  kernel: 1,
  parts: 2,
  /** How many parts are finished. */
  done: 3,
  /** How many workers sleep. */
  asleep: 4,
  stop: 5,
  /** Whether a part trapped. */
  failed: 6,
  /** Whether the caller sleeps until more parts are finished. */
  waiting: 7,
  /** For each thread the number of the run in the high bits; in the low bits, how many parts of its share nobody has taken. */
  tickets: 16,
  /** From one ticket to the next: a cache line. */
  perTicket: 16,
} as const;

type Words = typeof WORDS;

/** The most parts of one run. */
export const MAX_PARTS = 1023;

/**
 * How often a thread looks before it sleeps: for more than a tenth of a
 * millisecond, which is longer than what is between most kernels. To be woken
 * takes about as long.
 */
const LOOKS = 5000;

/** A message to a new worker. */
interface Order extends PoolOptions {
  readonly control: SharedArrayBuffer;
  readonly words: Words;
  readonly looks: number;
  readonly thread: number;
}

/**
 * Takes and runs parts until none is left. This function and the next one are
 * sent to workers as text: they must not use names of this module.
 */
function runParts(
  control: Int32Array,
  words: Words,
  kernels: readonly Kernel[],
  params: number,
  thread: number,
  threads: number,
): void {
  for (let other = 0; other < threads; other++) {
    const share = (thread + other) % threads;
    const at = words.tickets + share * words.perTicket;
    for (;;) {
      const ticket = Atomics.load(control, at);
      const left = ticket & 1023;
      if (left === 0) break;
      // These belong to the ticket if it is still the same below.
      const kernel = Atomics.load(control, words.kernel);
      const parts = Atomics.load(control, words.parts);
      const seen = Atomics.compareExchange(control, at, ticket, ticket - 1);
      if (seen !== ticket) continue;
      const end = Math.floor((share + 1) * parts / threads);
      try {
        kernels[kernel](params, end - left, parts);
      } catch {
        Atomics.store(control, words.failed, 1);
      }
      Atomics.add(control, words.done, 1);
      if (Atomics.load(control, words.waiting) !== 0) {
        Atomics.notify(control, words.done);
      }
    }
  }
}

/** Makes the kernels of one thread. Sent to workers as text, too. */
function bindKernels(
  { module, memory, names, threads }: PoolOptions,
  thread: number,
  _native: WebAssembly.ModuleImports,
): Kernel[] {
  const { scratch, slab, strips } = threads[thread];
  const env = { memory };
  const { exports: _strips } = new WebAssembly.Instance(
    new WebAssembly.Module(strips),
    { env },
  );
  const { exports } = new WebAssembly.Instance(module, {
    env,
    _strips,
    _native,
  });
  (exports.bindThread as (scratch: number, slab: number) => void)(
    scratch,
    slab,
  );
  return names.map((name) => exports[name] as Kernel);
}

/** What a worker does from its first message to its end. */
function serve(
  order: Order,
  bind: typeof bindKernels,
  bindCode: typeof bindNative,
  work: typeof runParts,
  ready: () => void,
): void {
  const { control: buffer, words } = order;
  const control = new Int32Array(buffer);
  const kernels = bind(
    order,
    order.thread,
    bindCode(order.native).imports,
  );
  const pause = (Atomics as { pause?: () => void }).pause ?? (() => {});
  ready();
  const { thread, threads } = order;
  while (Atomics.load(control, words.stop) === 0) {
    const run = Atomics.load(control, words.run);
    work(control, words, kernels, order.params, thread, threads.length);
    let looks = order.looks;
    while (looks > 0 && Atomics.load(control, words.run) === run) {
      looks--;
      pause();
    }
    if (looks === 0) {
      Atomics.add(control, words.asleep, 1);
      Atomics.wait(control, words.run, run);
      Atomics.sub(control, words.asleep, 1);
    }
  }
}

/** The threads of one device. */
export class Pool {
  readonly #control: Int32Array;
  readonly #kernels: readonly Kernel[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #options: PoolOptions;
  readonly #native: ReturnType<typeof bindNative>;
  readonly #pause: () => void;
  readonly #canSleep: boolean;
  #workers: readonly StoppableWorker[] = [];
  #args: Float64Array;

  /**
   * A pool of the caller's thread alone.
   *
   * @param options Its kernels.
   */
  constructor(options: PoolOptions) {
    const { names, memory, threads } = options;
    this.#options = options;
    const bytes = 4 * (WORDS.tickets + threads.length * WORDS.perTicket);
    this.#control = new Int32Array(
      memory.buffer instanceof ArrayBuffer
        ? new ArrayBuffer(bytes)
        : new SharedArrayBuffer(bytes),
    );
    this.#native = bindNative(options.native);
    this.#kernels = bindKernels(options, 0, this.#native.imports);
    this.#numbers = new Map(names.map((name, index) => [name, index]));
    this.#args = new Float64Array(memory.buffer, options.params);
    this.#pause = (Atomics as { pause?: () => void }).pause ?? (() => {});
    this.#canSleep = canSleep(this.#control);
  }

  /** How many threads there are, with the caller's. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /**
   * Starts one worker for each further thread. Where workers cannot start, the
   * pool stays as it is.
   */
  async start(): Promise<void> {
    const control = this.#control.buffer;
    // Pages that are not isolated have no name for the other kind of buffer.
    if (control instanceof ArrayBuffer) return;
    const source = `const bindKernels = ${bindKernels};
      const bindNative = ${bindNative};
      const runParts = ${runParts}; const serve = ${serve};`;
    const started = await Promise.allSettled(
      this.#options.threads.slice(1).map((_, index) =>
        startWorker(source, {
          ...this.#options,
          control,
          words: WORDS,
          looks: LOOKS,
          thread: index + 1,
        })
      ),
    );
    this.#workers = started.flatMap((result) =>
      result.status === "fulfilled" ? [result.value] : []
    );
  }

  /**
   * Runs a kernel and returns when all its parts are done.
   *
   * @param name Which kernel.
   * @param args Its arguments; an address of 0 stands for an absent one.
   * @param parts How many parts there are, from 1 to {@linkcode MAX_PARTS}.
   * @throws {DeviceError} If the kernel failed.
   */
  run(name: string, args: readonly number[], parts: number): void {
    const number = this.#numbers.get(name)!;
    this.#writeArgs(args);
    const control = this.#control;
    if (parts === 1 || this.#workers.length === 0) {
      this.#runAlone(name, this.#kernels[number], parts);
      return;
    }
    Atomics.store(control, WORDS.kernel, number);
    Atomics.store(control, WORDS.parts, parts);
    Atomics.store(control, WORDS.done, 0);
    this.#hand(parts);
    const { params, threads } = this.#options;
    runParts(control, WORDS, this.#kernels, params, 0, threads.length);
    this.#waitFor(parts);
    if (Atomics.exchange(control, WORDS.failed, 0) !== 0) {
      throw new DeviceError(`The kernel "${name}" failed`);
    }
  }

  /** Waits until so many parts are finished: asleep before long, because a core may be needed by the thread that is waited for. */
  #waitFor(parts: number): void {
    const control = this.#control;
    for (let looks = 0;; looks++) {
      const done = Atomics.load(control, WORDS.done);
      if (done === parts) return;
      if (looks < LOOKS || !this.#canSleep) {
        this.#pause();
        continue;
      }
      Atomics.store(control, WORDS.waiting, 1);
      Atomics.wait(control, WORDS.done, done);
      Atomics.store(control, WORDS.waiting, 0);
    }
  }

  #runAlone(name: string, kernel: Kernel, parts: number): void {
    try {
      for (let part = 0; part < parts; part++) {
        kernel(this.#options.params, part, parts);
      }
    } catch (error) {
      throw new DeviceError(`The kernel "${name}" failed`, { cause: error });
    }
  }

  /** Stops all workers; no kernel runs any more. */
  close(): void {
    Atomics.store(this.#control, WORDS.stop, 1);
    this.#hand(0);
    for (const worker of this.#workers) worker.stop();
    this.#workers = [];
    this.#native.close();
  }

  /** Hands out shares of a new run, and wakes workers. */
  #hand(parts: number): void {
    const control = this.#control;
    const run = Atomics.load(control, WORDS.run) + 1;
    const threads = this.#options.threads.length;
    let begin = 0;
    for (let share = 0; share < threads; share++) {
      const end = Math.floor((share + 1) * parts / threads);
      const at = WORDS.tickets + share * WORDS.perTicket;
      Atomics.store(control, at, run << 10 | end - begin);
      begin = end;
    }
    Atomics.store(control, WORDS.run, run);
    if (Atomics.load(control, WORDS.asleep) > 0) {
      Atomics.notify(control, WORDS.run);
    }
  }

  #writeArgs(args: readonly number[]): void {
    // Memory that is not shared is detached when it grows.
    if (this.#args.length === 0) {
      this.#args = new Float64Array(
        this.#options.memory.buffer,
        this.#options.params,
      );
    }
    this.#args.set(args);
  }
}

/** Whether this thread may sleep: that of a web page may not. */
function canSleep(control: Int32Array): boolean {
  try {
    Atomics.wait(control, WORDS.stop, 1, 0);
    return true;
  } catch { // TypeError, also where the memory is not shared
    return false;
  }
}

/** A thread that can be ended. */
interface StoppableWorker {
  stop(): void;
}

/** What of `node:worker_threads` is used; Deno has it too, and only there can a worker that sleeps let the process exit. */
interface NodeWorkerThreads {
  readonly Worker: new (
    source: string,
    options: { readonly eval: true; readonly workerData: unknown },
  ) => {
    once(event: "message" | "error", listener: (data: unknown) => void): void;
    unref(): void;
    terminate(): Promise<number>;
  };
}

/** Starts a worker from text, which needs no permission, and waits until it has its kernels. */
async function startWorker(
  source: string,
  order: Order,
): Promise<StoppableWorker> {
  const threads = builtinModule<NodeWorkerThreads>("node:worker_threads");
  return threads !== undefined
    ? await startNodeWorker(threads, source, order)
    : await startWebWorker(source, order);
}

async function startNodeWorker(
  threads: NodeWorkerThreads,
  source: string,
  order: Order,
): Promise<StoppableWorker> {
  const worker = new threads.Worker(
    `const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
    ${source} serve(workerData, bindKernels, bindNative, runParts, () => parentPort.postMessage("ready"));`,
    { eval: true, workerData: order },
  );
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  worker.unref();
  return { stop: () => void worker.terminate() };
}

async function startWebWorker(
  source: string,
  order: Order,
): Promise<StoppableWorker> {
  const url = URL.createObjectURL(
    new Blob([
      `${source} onmessage = ({ data }) => serve(data, bindKernels, bindNative, runParts, () => postMessage("ready"));`,
    ], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  try {
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = reject;
      worker.postMessage(order);
    });
  } finally {
    URL.revokeObjectURL(url);
  }
  return { stop: () => worker.terminate() };
}
