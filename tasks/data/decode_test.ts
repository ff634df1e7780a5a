import { RandomSource } from "@cram/tensor";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";

const COLOR = [200, 100, 40] as const;

Deno.test(
  "decodeImage() makes RGB bytes of every kind of image",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { decodeImage } = await import("./decode.ts");
      const { picture } = await import("../testdata/pictures.ts");
      const grey = [160, 160, 160] as const;
      const image = picture(8, 4, COLOR);
      const greyImage = picture(8, 4, grey).greyscale();
      const cases: [string, Uint8Array, readonly number[]][] = [
        ["png", await image.clone().png().toBuffer(), COLOR],
        ["jpeg", await image.clone().jpeg({ quality: 100 }).toBuffer(), COLOR],
        [
          "progressive jpeg",
          await image.clone().jpeg({ quality: 100, progressive: true })
            .toBuffer(),
          COLOR,
        ],
        [
          "webp",
          await image.clone().webp({ lossless: true }).toBuffer(),
          COLOR,
        ],
        [
          "palette",
          await image.clone().png({ palette: true }).toBuffer(),
          COLOR,
        ],
        ["alpha", await image.clone().ensureAlpha(0.3).png().toBuffer(), COLOR],
        ["grey", await greyImage.clone().png().toBuffer(), grey],
        ["grey jpeg", await greyImage.clone().jpeg().toBuffer(), grey],
        [
          "16 bit",
          await image.clone().toColourspace("rgb16").png().toBuffer(),
          COLOR,
        ],
        [
          "grey 16 bit",
          await greyImage.clone().toColourspace("grey16").png().toBuffer(),
          grey,
        ],
      ];
      const decode = async (bytes: Uint8Array, size = 4): Promise<number[]> => {
        const path = join(folder, "image");
        await writeFile(path, bytes);
        const target = new Uint8Array(size * size * 3);
        await decodeImage(
          { path, offset: 0, length: undefined },
          { recipe: "cifar", size, augment: false },
          new RandomSource(1n),
          target,
        );
        return [...target];
      };
      for (const [what, bytes, expected] of cases) {
        const pixel = (await decode(bytes)).slice(0, 3);
        const distance = Math.max(
          ...pixel.map((value, i) => Math.abs(value - expected[i])),
        );
        assert(distance <= 6, `${what}: ${pixel} instead of ${expected}`);
      }
      const cmyk = await image.clone().toColourspace("cmyk").jpeg().toBuffer();
      const [red, green, blue] = await decode(cmyk);
      assert(red > green && green > blue, `cmyk: ${[red, green, blue]}`);

      // Orientation 6: what was on the left is at the top.
      const turned = await image.clone().withMetadata({ orientation: 6 }).png()
        .toBuffer();
      const pixels = await decode(turned);
      assertEquals(pixels.slice(0, 3), [...COLOR]);
      assertEquals(pixels.slice(9, 12), [...COLOR]);
      assertEquals(pixels.slice(-3), COLOR.map((c) => c >> 2));
    }),
);

Deno.test(
  "decodeImage() reads images out of archives and names what is broken",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { decodeImage } = await import("./decode.ts");
      const { picture } = await import("../testdata/pictures.ts");
      const path = join(folder, "image");
      const image = await picture(6, 6, COLOR).jpeg().toBuffer();
      const archive = new Uint8Array(image.length + 100);
      archive.set(image, 70);
      await writeFile(path, archive);
      const target = new Uint8Array(6 * 6 * 3);
      const decode = (offset: number, length: number | undefined) =>
        decodeImage(
          { path, offset, length },
          { recipe: "imagenet", size: 6, augment: true },
          new RandomSource(1n),
          target,
        );
      await decode(70, image.length);
      assert(target.some((byte) => byte > 100));
      assertEquals((await readFile(path)).length, archive.length);
      await assertRejects(() => decode(0, undefined), Error, "unsupported");
      await assertRejects(() => decode(70, image.length - 200), Error);
      await assertRejects(() => decode(0, 9999), Error, "of 9999 bytes");
    }),
);
