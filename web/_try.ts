Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 1 });

import { parseImageSet } from "/work/main/web/image_set.ts";
import { Trainer } from "/work/main/web/training/trainer.ts";
const [network, size, epochs, sp] = Deno.args;
let t = performance.now();
const bytes = await Deno.readFile("/tmp/images.safetensors");
const set = await parseImageSet(bytes);
const trainer = await Trainer.open(
  set,
  { device: "cpu", network: network as any, imageSize: +size, epochs: +epochs },
  +sp,
  (e) => {
    if (e.type === "measured") {
      console.log(e.passes, JSON.stringify(e.results));
    }
    if (e.type === "progress" && Math.random() < .03) console.log(e);
    if (e.type === "failed" || e.type === "finished") {
      console.log(e);
      done();
    }
  },
);
let done = () => {};
console.log(
  trainer.description.device,
  trainer.description.parameters,
  trainer.description.passes,
);
const p = new Promise<void>((r) => done = r);
trainer.start();
await p;
for (const s of [0, .5, .7, .8, .9, .95]) {
  t = performance.now();
  console.log(
    s,
    JSON.stringify(await trainer.measure(s)),
    performance.now() - t,
  );
}
await trainer.close();
