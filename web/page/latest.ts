/**
 * Slow work that only the latest wish counts for.
 *
 * @module
 */

/** Does some work again whenever that is asked for, but at most once more behind what is going on. */
export function latest(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let isAskedFor = false;
  return () => {
    isAskedFor = true;
    running ??= (async () => {
      try {
        while (isAskedFor) {
          isAskedFor = false;
          await work();
        }
      } finally {
        running = undefined;
      }
    })();
    return running;
  };
}
