/**
 * A JSR registry in this process: takes what `deno publish` sends, and serves
 * it as JSR does, so that packages can be tried before they are published.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTar } from "../tasks/data/tar.ts";
import { type PackageConfig, ROOT } from "./packages.ts";

/** A package as it was published: its files by their paths, which begin with "/". */
export type PublishedPackage = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Packages by the names of their folders. */
export type PublishedPackages = ReadonlyMap<string, PublishedPackage>;

const API = /^\/api\/scopes\/cram\/packages\/(\w+)(\/versions\/)?/;
const META = /^\/@cram\/(\w+)\/meta\.json$/;
const VERSION_META = /^\/@cram\/(\w+)\/[\d.]+_meta\.json$/;
const FILE = /^\/@cram\/(\w+)\/[\d.]+(\/.+)$/;

/**
 * Publishes all packages of the repository into memory.
 *
 * @returns What was sent.
 */
export async function publishAll(): Promise<PublishedPackages> {
  const packages = new Map<string, PublishedPackage>();
  const folder = await Deno.makeTempDir();
  try {
    await using server = serve(async (request) => {
      const { pathname } = new URL(request.url);
      const [, name, ofVersion] = pathname.match(API) ?? [];
      if (request.method === "POST") {
        const archive = join(folder, `${name}.tar`);
        const body = new Uint8Array(await request.arrayBuffer());
        await Deno.writeFile(archive, gunzipSync(body));
        packages.set(name, filesOf(archive));
        return Response.json({ id: crypto.randomUUID(), status: "success" });
      }
      // There is a package, but not this version of it yet.
      return ofVersion === undefined
        ? Response.json({})
        : Response.json({ code: "packageVersionNotFound", message: "" }, {
          status: 404,
        });
    });
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "publish",
        "--token=none",
        "--allow-dirty",
        "--no-check", // `deno task check` does
        "--no-provenance",
      ],
      cwd: ROOT,
      env: { JSR_URL: addressOf(server), NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return packages;
}

/** The files of an archive. */
function filesOf(archive: string): PublishedPackage {
  return new Map(
    Array.from(readTar(archive), ({ name, read }) => [
      `/${name.replace(/^\.?\//, "")}`,
      Uint8Array.from(read()),
    ]),
  );
}

/**
 * Serves packages until it is disposed of.
 *
 * @param packages The packages; there are no others.
 * @returns The registry, whose `url` is for `JSR_URL`.
 */
export function serveRegistry(
  packages: PublishedPackages,
): AsyncDisposable & { readonly url: string } {
  const server = serve(({ url }) => respond(packages, new URL(url).pathname));
  return {
    url: addressOf(server),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function serve(
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
}

function addressOf({ addr }: Deno.HttpServer<Deno.NetAddr>): string {
  return `http://${addr.hostname}:${addr.port}/`;
}

function respond(packages: PublishedPackages, path: string): Response {
  const [, name] = path.match(META) ?? path.match(VERSION_META) ??
    path.match(FILE) ?? [];
  const files = packages.get(name);
  if (files === undefined) return new Response(null, { status: 404 });
  const { version, exports }: PackageConfig = JSON.parse(
    new TextDecoder().decode(files.get("/deno.json")),
  );
  if (META.test(path)) return Response.json({ versions: { [version]: {} } });
  if (VERSION_META.test(path)) {
    const manifest = Array.from(files, ([path, bytes]) => {
      const digest = createHash("sha256").update(bytes).digest("hex");
      return [path, { size: bytes.length, checksum: `sha256-${digest}` }];
    });
    return Response.json({ exports, manifest: Object.fromEntries(manifest) });
  }
  const [, , file] = path.match(FILE)!;
  const bytes = files.get(file);
  return bytes === undefined
    ? new Response(null, { status: 404 })
    : new Response(bytes, { headers: { "content-type": typeOf(file) } });
}

function typeOf(path: string): string {
  return path.endsWith(".json") ? "application/json" : "text/typescript";
}
