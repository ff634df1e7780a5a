/**
 * The thread that trains, so that the page never waits.
 *
 * @module
 */

import * as Comlink from "comlink";
import { Trainer } from "./trainer.ts";

/** What the page may ask for first. */
const training = {
  open: async (
    ...options: Parameters<typeof Trainer.open>
  ): Promise<Trainer & Comlink.ProxyMarked> =>
    Comlink.proxy(await Trainer.open(...options)),
};

/** What {@linkcode training} looks like from the page. */
export type Training = typeof training;

Comlink.expose(training);
