/**
 * The threads that decode images. All loaders of a process share them, because
 * seldom more than one is waited for.
 */

import { DataError } from "../errors.ts";
import type {
  BrokenImage,
  StoredExample,
  WorkerBatch,
  WorkerReply,
} from "./_decode_worker.ts";

/** What became of a batch. */
export interface DecodedBatch {
  /** The images that could not be decoded. */
  readonly broken: readonly BrokenImage[];
  /** The images that were stored in decoded form. */
  readonly stored: readonly StoredExample[];
  /** Why decoded images could not be stored. */
  readonly storeFailure: string | undefined;
}

/** A batch on its way through the workers. */
interface Request {
  readonly broken: BrokenImage[];
  readonly stored: StoredExample[];
  storeFailure: string | undefined;
  /** How many workers have not answered. */
  waitingFor: number;
  readonly done: PromiseWithResolvers<DecodedBatch>;
}

/** Workers, for as long as somebody uses them. */
export class DecodePool implements Disposable {
  static #shared: DecodePool | undefined;

  readonly #workers: Worker[] = [];
  readonly #requests = new Map<number, Request>();
  #lastId = 0;
  #users = 0;
  #failure: DataError | undefined;

  /**
   * Joins the users of the shared pool.
   *
   * @param workers How many workers it must have at least.
   * @returns The pool, to be disposed of when it is not needed any more.
   */
  static acquire(workers: number): DecodePool {
    const pool = DecodePool.#shared ??= new DecodePool();
    pool.#users++;
    while (pool.#workers.length < workers) pool.#start();
    return pool;
  }

  /** Leaves the pool; with its last user the workers end. */
  [Symbol.dispose](): void {
    if (--this.#users > 0) return;
    for (const worker of this.#workers) worker.terminate();
    if (DecodePool.#shared === this) DecodePool.#shared = undefined;
  }

  /**
   * Decodes a batch.
   *
   * @param batch The images, and where their pixels go.
   * @param workers How many workers take part.
   * @returns What could not be decoded.
   * @throws {DataError} If a worker fails.
   */
  async decode(
    batch: Omit<WorkerBatch, "id">,
    workers: number,
  ): Promise<DecodedBatch> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#lastId;
    const request: Request = {
      broken: [],
      stored: [],
      storeFailure: undefined,
      waitingFor: workers,
      done: Promise.withResolvers(),
    };
    this.#requests.set(id, request);
    const message: WorkerBatch = { ...batch, id };
    for (const worker of this.#workers.slice(0, workers)) {
      worker.postMessage(message);
    }
    return await request.done.promise;
  }

  #start(): void {
    const worker = new Worker(new URL("./_decode_worker.ts", import.meta.url), {
      type: "module",
    });
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) =>
      this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#workers.push(worker);
  }

  #receive({ id, broken, stored, storeFailure, failure }: WorkerReply): void {
    if (failure !== undefined) return this.#fail(failure);
    const request = this.#requests.get(id);
    if (request === undefined) return;
    request.broken.push(...broken);
    request.stored.push(...stored);
    request.storeFailure ??= storeFailure;
    if (--request.waitingFor > 0) return;
    this.#requests.delete(id);
    request.done.resolve(request);
  }

  /** Ends everything that goes on; who comes later has a new pool. */
  #fail(reason: string): void {
    this.#failure = new DataError(`Cannot decode images: ${reason}`);
    for (const { done } of this.#requests.values()) done.reject(this.#failure);
    this.#requests.clear();
    if (DecodePool.#shared === this) DecodePool.#shared = undefined;
  }
}
