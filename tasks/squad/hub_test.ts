import { assertEquals, assertRejects } from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NetworkError } from "../errors.ts";
import {
  inTemporaryFolder,
  withoutPermissions,
} from "../testdata/temporary_folder.ts";
import { downloadModel } from "./hub.ts";

const net = await Deno.permissions.query({ name: "net", host: "127.0.0.1" });
const ignore = withoutPermissions || net.state !== "granted";

const REVISION = "0123456789abcdef0123456789abcdef01234567";

/** A hub with one model. */
function serve(files: Readonly<Record<string, string>>) {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === `/api/models/me/tiny/paths-info/${REVISION}`) {
        const { paths } = await request.json();
        return Response.json(
          paths.filter((path: string) => path in files).map((path: string) => ({
            path,
            type: "file",
            oid: `oid-${path}`,
            size: files[path].length,
            lastCommit: { id: "another", title: "", date: "" },
          })),
        );
      }
      const path = pathname.split(`/me/tiny/resolve/${REVISION}/`)[1];
      if (!(path in files)) return new Response("", { status: 404 });
      const { length } = files[path];
      const [from, to] = request.headers.get("range")?.match(/\d+/g)
        ?.map(Number) ?? [0, length - 1];
      return new Response(files[path].slice(from, to + 1), {
        status: 206,
        headers: {
          "content-range": `bytes ${from}-${to}/${length}`,
          etag: `"oid-${path}"`,
        },
      });
    },
  );
  return { url: `http://127.0.0.1:${server.addr.port}`, server };
}

Deno.test(
  "models of the hub are downloaded once",
  { ignore },
  () =>
    inTemporaryFolder(async (cache) => {
      const files = { "config.json": "{}", "vocab.txt": "[PAD]\n" };
      const names = ["config.json", "model.safetensors", "vocab.txt"];
      const { url, server } = serve(files);
      const model = `hub:me/tiny@${REVISION}`;
      const options = { cache, hubUrl: url };
      const folder = await downloadModel(model, names, options);
      assertEquals(await readFile(join(folder, "config.json"), "utf8"), "{}");
      assertEquals(
        await readFile(join(folder, "vocab.txt"), "utf8"),
        "[PAD]\n",
      );
      await assertRejects(
        () => downloadModel(`hub:me/other@${REVISION}`, names, options),
        NetworkError,
        `Cannot download "config.json" of me/other, revision ${REVISION}, from the Hugging Face Hub: `,
      );
      await server.shutdown();

      // Without a network what is there still is.
      const there = ["config.json", "vocab.txt"];
      assertEquals(await downloadModel(model, there, options), folder);
      await assertRejects(
        () => downloadModel(model, ["other.txt"], options),
        NetworkError,
        "--init takes a folder with other.txt too",
      );
    }),
);
