import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "../testdata/temporary_folder.ts";
import type { Pixels } from "./resize.ts";

const COLOR = [200, 100, 40] as const;
const GREY = [160, 160, 160] as const;

/** Decodes a file of these bytes. */
async function decode(bytes: Uint8Array | string): Promise<Pixels> {
  const { decodeImage } = await import("./decode.ts");
  let image: Pixels | undefined;
  await inTemporaryFolder(async (folder) => {
    const path = join(folder, "image.jpg");
    await writeFile(path, bytes);
    image = await decodeImage({ path, offset: 0, length: undefined });
  });
  return image!;
}

function assertColor(
  { data }: Pixels,
  expected: readonly number[],
  what: string,
): void {
  const pixel = [...data.subarray(0, 3)];
  const distance = Math.max(
    ...pixel.map((value, i) => Math.abs(value - expected[i])),
  );
  assert(distance <= 6, `${what}: ${pixel} instead of ${expected}`);
}

Deno.test("decodeImage() makes RGB bytes of every kind of image", {
  ignore,
}, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  const image = picture(8, 4, COLOR);
  const grey = picture(8, 4, GREY).toColourspace("b-w");
  const best = { quality: 100 };
  const cases = {
    "png": [image.clone().png(), COLOR],
    "jpeg": [image.clone().jpeg(best), COLOR],
    "progressive jpeg": [
      image.clone().jpeg({ ...best, progressive: true }),
      COLOR,
    ],
    "jpeg with all colours": [
      image.clone().jpeg({ ...best, chromaSubsampling: "4:4:4" }),
      COLOR,
    ],
    "webp": [image.clone().webp({ lossless: true }), COLOR],
    "gif": [image.clone().gif(), COLOR],
    "tiff": [image.clone().tiff(), COLOR],
    "palette": [image.clone().png({ palette: true }), COLOR],
    "alpha": [image.clone().ensureAlpha(0.3).png(), COLOR],
    "palette with alpha": [
      image.clone().ensureAlpha(0.3).png({ palette: true }),
      COLOR,
    ],
    "webp with alpha": [
      image.clone().ensureAlpha(0.3).webp({ lossless: true }),
      COLOR,
    ],
    "grey": [grey.clone().png(), GREY],
    "grey with alpha": [grey.clone().ensureAlpha(0.3).png(), GREY],
    "grey jpeg": [grey.clone().jpeg(), GREY],
    "16 bit": [image.clone().toColourspace("rgb16").png(), COLOR],
    "grey 16 bit": [grey.clone().toColourspace("grey16").png(), GREY],
  } as const;
  for (const [what, [file, expected]] of Object.entries(cases)) {
    const pixels = await decode(await file.toBuffer());
    assertEquals([pixels.width, pixels.height], [8, 4], what);
    assertEquals(pixels.data.length, 8 * 4 * 3, what);
    assertColor(pixels, expected, what);
  }
});

Deno.test("decodeImage() decodes four inks", { ignore }, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  const cmyk = await picture(8, 4, COLOR).toColourspace("cmyk").jpeg()
    .toBuffer();
  const [red, green, blue] = (await decode(cmyk)).data;
  assert(red > green && green > blue, `${[red, green, blue]}`);

  const ycck = Uint8Array.from(cmyk);
  ycck[adobeTransform(ycck)] = 2;
  assertEquals((await decode(ycck)).data.length, 8 * 4 * 3);
});

/** Where the segment "Adobe" says how colours are stored. */
function adobeTransform(jpeg: Uint8Array): number {
  const at = new TextDecoder("latin1").decode(jpeg).indexOf("Adobe\0");
  assert(at > 0);
  return at + 11;
}

Deno.test("decodeImage() passes colour profiles over", { ignore }, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  for (const format of ["jpeg", "png"] as const) {
    // The profile says that the numbers mean other colours.
    const file = await picture(8, 4, COLOR).toFormat(format, { quality: 100 })
      .withIccProfile("p3").toBuffer();
    const sharp = (await import("sharp")).default;
    const { data, info } = await sharp(file, { ignoreIcc: true }).raw()
      .toBuffer({ resolveWithObject: true });
    assert(Math.abs(data[0] - COLOR[0]) > 6);
    assertColor(await decode(file), [...data.subarray(0, 3)], format);
    assertEquals(info.channels, 3);
  }
});

Deno.test("decodeImage() sets images upright", { ignore }, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  const image = picture(8, 4, COLOR);
  const dark = COLOR.map((c) => c >> 2);
  for (const format of ["jpeg", "png", "webp"] as const) {
    for (
      const [orientation, size, first, last] of [
        [1, [8, 4], COLOR, dark],
        [2, [8, 4], dark, COLOR],
        // What was on the left is at the top.
        [6, [4, 8], COLOR, dark],
        [8, [4, 8], dark, COLOR],
      ] as const
    ) {
      const file = await image.clone().toFormat(format, { quality: 100 })
        .withMetadata({ orientation }).toBuffer();
      const pixels = await decode(file);
      const what = `${format} of orientation ${orientation}`;
      assertEquals<number[]>([pixels.width, pixels.height], [...size], what);
      assertColor(pixels, first, what);
      const end = { ...pixels, data: pixels.data.subarray(-3) };
      assertColor(end, last, what);
    }
  }
});

Deno.test("decodeImage() decodes the smallest and the longest images", {
  ignore,
}, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  for (const format of ["jpeg", "png"] as const) {
    for (const [width, height] of [[1, 1], [1, 5000], [5000, 1]]) {
      const file = await picture(width, height, COLOR)
        .toFormat(format, { quality: 100 }).toBuffer();
      const pixels = await decode(file);
      assertEquals([pixels.width, pixels.height], [width, height]);
      assertColor(pixels, COLOR, `${format} of ${width} x ${height}`);
    }
  }
});

Deno.test(
  "decodeImage() reads CIFAR's planes",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { decodeImage } = await import("./decode.ts");
      const path = join(folder, "data_batch.bin");
      const bytes = Uint8Array.from({ length: 1 + 3072 }, (_, i) => i % 251);
      await writeFile(path, bytes);
      const file = {
        path,
        offset: 1,
        length: 3072,
        encoding: "cifar",
      } as const;
      const { width, height, data } = await decodeImage(file);
      assertEquals([width, height, data.length], [32, 32, 3072]);
      for (const pixel of [0, 1, 32, 1023]) {
        assertEquals(
          [...data.subarray(pixel * 3, pixel * 3 + 3)],
          [0, 1024, 2048].map((plane) => bytes[1 + plane + pixel]),
        );
      }
      await assertRejects(
        () => decodeImage({ ...file, length: 100 }),
        Error,
        "100 bytes instead of 3072",
      );
    }),
);

Deno.test("decodeImage() names what is broken", { ignore }, async () => {
  const { picture } = await import("../testdata/pictures.ts");
  const jpeg = await picture(60, 60, COLOR).jpeg({ quality: 100 }).toBuffer();
  const png = await picture(60, 60, COLOR).png().toBuffer();
  // It is decoded by what it holds, whatever its name is.
  assertEquals((await decode(png)).width, 60);
  for (
    const [bytes, reason] of [
      ["", "the file is empty"],
      ["<!DOCTYPE html><html>", 'it begins with "<!DOCTYPE html><"'],
      [new Uint8Array(100), "no image format that is known"],
      [jpeg.subarray(0, 2), "premature end of JPEG"],
      [jpeg.subarray(0, 200), "premature end of JPEG"],
      [jpeg.subarray(0, -300), "premature end of JPEG"],
      [png.subarray(0, 20), "end of stream"],
      [png.subarray(0, -40), "end of stream"],
    ] as const
  ) {
    await assertRejects(() => decode(bytes), Error, reason);
  }
});

Deno.test(
  "decodeImage() reads images out of archives",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const { decodeImage } = await import("./decode.ts");
      const { picture } = await import("../testdata/pictures.ts");
      const path = join(folder, "archive");
      const image = await picture(6, 5, COLOR).jpeg().toBuffer();
      const archive = new Uint8Array(image.length + 100);
      archive.set(image, 70);
      await writeFile(path, archive);
      const { width, height } = await decodeImage({
        path,
        offset: 70,
        length: image.length,
      });
      assertEquals([width, height], [6, 5]);
      assertEquals((await readFile(path)).length, archive.length);
      await assertRejects(
        () => decodeImage({ path, offset: 0, length: 9999 }),
        Error,
        "of 9999 bytes",
      );
      await assertRejects(
        () => decodeImage({ path: join(folder, "gone"), offset: 0, length: 9 }),
        Error,
        "gone",
      );
    }),
);
