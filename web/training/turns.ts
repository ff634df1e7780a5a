/**
 * Work that must not run at the same time.
 *
 * @module
 */

/** Lets one piece of work begin when the one before has ended: scopes of a device close in the reverse order of their opening. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does some work when all that was asked for before is done. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
