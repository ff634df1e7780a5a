/**
 * PyTorch in the comparison: a Python process.
 *
 * @module
 */

import { networkVariables } from "../network_data.ts";
import type { Library, LibraryOptions } from "./library.ts";
import { processChannel } from "./process_channel.ts";
import { type Channel, openRemote, type Patience } from "./remote.ts";

const PEER = new URL("../python/peer.py", import.meta.url);

/** Starts a Python that has torch. */
export function openTorch(
  python: string,
  options: LibraryOptions,
  patience: Patience,
): Promise<Library> {
  return openRemote(() => connect(python), options, patience);
}

function connect(python: string): Channel {
  const channel = processChannel(python, [PEER.pathname]);
  return {
    ...channel,
    request: (request) =>
      channel.request(
        request.op === "prepare" && "model" in request.work
          ? {
            op: "prepare",
            work: Object.assign({}, request.work, {
              variables: networkVariables(request.work.model),
            }),
          }
          : request,
      ),
  };
}
