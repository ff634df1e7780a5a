import { buildSite } from "./site.ts";
let images: Uint8Array<ArrayBuffer>;
try {
  images = await Deno.readFile("/tmp/webout/images.safetensors");
} catch {
  const { packImages } = await import("./pack_images.ts");
  images = await packImages();
}
await Deno.remove("/tmp/webout", { recursive: true }).catch(() => {});
await Deno.mkdir("/tmp/webout");
for (const [n, b] of await buildSite(images)) {
  await Deno.writeFile("/tmp/webout/" + n, b);
}
