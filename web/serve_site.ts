/**
 * Serving the page on this machine.
 *
 * @module
 */

import { extname } from "node:path";
import { UsageError } from "../tasks/errors.ts";
import type { Site } from "./site.ts";

/** How a page is served. */
export interface ServeOptions {
  /** The port; 0 takes any that is free. Default: 0. */
  readonly port?: number;
  /** Whether browsers may isolate the page from others, which threads need. Default: true. */
  readonly isolation?: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".safetensors": "application/octet-stream",
};

/** What a page must be sent with so that its threads may share memory. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A page that is served, for `await using`. */
export interface ServedSite extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
}

/**
 * Serves a page to this machine alone.
 *
 * @param site Its files.
 * @param options Port and isolation.
 * @throws {UsageError} If the port is taken.
 */
export function serveSite(
  site: Site,
  options: ServeOptions = {},
): ServedSite {
  const { port = 0, isolation = true } = options;
  const hostname = "127.0.0.1";
  const answer = (request: Request): Response => {
    const path = new URL(request.url).pathname.slice(1) || "index.html";
    const file = site.get(path);
    return file === undefined
      ? new Response(`There is no "${path}"`, { status: 404 })
      : new Response(file, {
        headers: {
          "content-type": TYPES[extname(path)],
          "cache-control": "no-store",
          ...isolation ? ISOLATION : {},
        },
      });
  };
  let server;
  try {
    server = Deno.serve({ port, hostname, onListen: () => {} }, answer);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new UsageError(
      `Cannot serve the page at port ${port}: it is taken; --port 0 takes any that is free`,
    );
  }
  return {
    url: `http://${hostname}:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
