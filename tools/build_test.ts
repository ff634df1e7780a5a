import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "node:path";
import { PACKAGES } from "./packages.ts";

/** Some steps of CrAM+ on a layer, as someone writes them who has the npm packages. */
const PROGRAM = `
import assert from "node:assert/strict";
import { valueAndGrad } from "@cram/autograd";
import { compressOnce, topK } from "@cram/compress";
import { EVALUATION, resnet20 } from "@cram/models";
import { cramPlus, sgd } from "@cram/optim";
import { cast, matmul, openDevice, square, sub, sum, tensor, zeros } from "@cram/tensor";

assert.equal(typeof Deno, "undefined");
const device = await openDevice("cpu", { threads: 2 });
const x = tensor(device, [[1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 0, 0]]);
const y = tensor(device, [[3], [-2], [1]]);
const parameters = new Map([
  ["layer.weight", tensor(device, [[2], [-1], [-0.5], [0.5]])],
]);
const [weight] = parameters.values();
const loss = () => sum(square(sub(matmul(x, weight), y)));
const rule = cramPlus({
  base: sgd({ momentum: 0.9 }),
  compressors: [topK(0.25), topK(0.5, { exact: true })],
  rho: 0.05,
});
const optimizer = rule.start(parameters);
const before = await loss().item();
for (let step = 0; step < 30; step++) {
  await optimizer.step(() => valueAndGrad(loss, [weight]), { learningRate: 0.02 });
}
await compressOnce(parameters, topK(0.5, { exact: true }));
assert.equal((await weight.data()).filter((value) => value === 0).length, 2);
assert.ok(await loss().item() < before);

const model = resnet20(device, { seed: 1n });
const logits = model.forward(zeros(device, [1, 8, 8, 3]), EVALUATION);
assert.deepEqual(logits.shape, [1, 10]);
await device.close();

// Node before version 24 has no Float16Array.
const reference = await openDevice("reference");
const half = cast(tensor(reference, [1, -1.5, 1e-7, 1e9]), "float16");
assert.deepEqual([...await half.data()], [0x3c00, 0xbe00, 2, 0x7c00]);
assert.deepEqual([...await cast(half, "float32").data()], [1, -1.5, 2 ** -23, Infinity]);
await reference.close();
console.log("trained");
`;

/** A page that compresses weights and does nothing else. */
const COMPRESSING = `
export { topK } from "@cram/compress";
export { openDevice, tensor } from "@cram/tensor";
`;

/** The same bundle without an import map: as a page takes it. */
const PAGE = `
import { openDevice, tensor } from "./cram.js";
const device = await openDevice("cpu");
console.log(await tensor(device, [1, 2]).data());
await device.close();
`;

Deno.test({
  name: "the packages for npm run in Node and are as small as promised",
  ignore: !await hasNode(), // there is no "node"
  fn: async () => {
    // They load esbuild, which plain `deno test` may not.
    const { BUDGET_BYTES, build } = await import("./build.ts");
    const { loadedBy, stopBundling } = await import("./bundle.ts");
    const folder = await Deno.makeTempDir();
    try {
      const { loaded, code } = await build(folder);
      assert(loaded.gzip <= BUDGET_BYTES, `${loaded.gzip}`);
      // All three devices together: only so that it does not grow unseen.
      assert(code.gzip < 210_000, `${code.gzip}`);

      const modules = join(folder, "node_modules", "@cram");
      await ensureDir(modules);
      for (const name of Object.keys(PACKAGES)) {
        await Deno.symlink(join(folder, name), join(modules, name));
      }
      await Deno.writeTextFile(join(folder, "program.mjs"), PROGRAM);
      assertEquals(await node(join(folder, "program.mjs")), "trained\n");
      await Deno.writeTextFile(join(folder, "page.mjs"), PAGE);
      assertEquals(
        await node(join(folder, "page.mjs")),
        "Float32Array(2) [ 1, 2 ]\n",
      );

      // Pages cannot import Node's modules.
      const page = await Deno.readTextFile(join(folder, "cram.js"));
      assertEquals(page.match(/(?<!")\b(from|import) ?"[^"]*"/g), null);
      // A page that compresses loads no models, no optimizers and no gradients.
      const { bytes, packages } = await loadedBy(COMPRESSING, folder);
      assertEquals(packages, ["compress", "tensor"]);
      assert(bytes.length < 30_000, `${bytes.length}`);
      const types = await Deno.readTextFile(
        join(folder, "compress", "types", "mod.d.ts"),
      );
      assert(types.includes('from "./top_k.js"'), types);
    } finally {
      await stopBundling();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function node(path: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("node", {
    args: [path],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr);
}

async function hasNode(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("node", { args: ["--version"] })
      .output();
    return success;
  } catch {
    return false;
  }
}
