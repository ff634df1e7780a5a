import { assert, assertEquals } from "@std/assert";
import { withoutPermissions as ignore } from "../testdata/temporary_folder.ts";

const COLOR = [200, 100, 40] as const;

/** Puts a segment at the beginning of a JPEG file. */
function withSegment(
  jpeg: Uint8Array,
  marker: number,
  content: Uint8Array,
): Uint8Array {
  const { length } = content;
  return Uint8Array.of(
    ...jpeg.subarray(0, 2),
    0xff,
    marker,
    (length + 2) >> 8,
    (length + 2) & 255,
    ...content,
    ...jpeg.subarray(2),
  );
}

Deno.test("readJpegHeader() reads sizes, channels and orientations", {
  ignore,
}, async () => {
  const { readJpegHeader } = await import("./jpeg.ts");
  const { picture } = await import("../testdata/pictures.ts");
  const image = picture(300, 5, COLOR);
  const jpeg = await image.clone().jpeg().toBuffer();
  const header = {
    width: 300,
    height: 5,
    precision: 8,
    channels: 3,
    orientation: 1,
  };
  assertEquals(readJpegHeader(jpeg), header);
  assertEquals(
    readJpegHeader(await image.clone().jpeg({ progressive: true }).toBuffer()),
    header,
  );
  assertEquals(
    readJpegHeader(await image.clone().toColourspace("b-w").jpeg().toBuffer()),
    { ...header, channels: 1 },
  );
  assertEquals(
    readJpegHeader(
      await image.clone().toColourspace("cmyk").jpeg().toBuffer(),
    ),
    { ...header, channels: 4 },
  );
  const turned = await image.clone().withMetadata({ orientation: 6 }).jpeg()
    .toBuffer();
  assertEquals(readJpegHeader(turned), { ...header, orientation: 6 });

  // The other order of bytes.
  const exif = Uint8Array.of(
    ...new TextEncoder().encode("Exif\0\0MM"),
    ...[0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 3, 0, 0],
  );
  assertEquals(readJpegHeader(withSegment(jpeg, 0xe1, exif)), {
    ...header,
    orientation: 3,
  });
  // Cut off anywhere, it says nothing about the orientation.
  for (let length = 0; length < exif.length; length++) {
    const part = withSegment(jpeg, 0xe1, exif.subarray(0, length));
    assertEquals(readJpegHeader(part), header, `${length} bytes`);
  }
  for (let length = 0; length < 600; length++) {
    const part = jpeg.subarray(0, length);
    assert([undefined, 300].includes(readJpegHeader(part)?.width));
  }
  assertEquals(readJpegHeader(await image.png().toBuffer()), undefined);
});

Deno.test("decodeJpeg() comes to the same pixels as sharp", {
  ignore,
}, async () => {
  const { decodeJpeg, loadJpegTurbo } = await import("./jpeg.ts");
  const { default: sharp } = await import("sharp");
  // On platforms without a binary, sharp decodes JPEG files too.
  if (await loadJpegTurbo() === undefined) return;
  const noise = sharp({
    create: {
      width: 50,
      height: 37,
      channels: 3,
      background: "black",
      noise: { type: "gaussian", mean: 128, sigma: 30 },
    },
  }).blur(3).jpeg({ quality: 95 });
  const colour = await noise.clone().toBuffer();
  const adobe = (transform: number) =>
    withSegment(
      colour,
      0xee,
      Uint8Array.of(
        ...new TextEncoder().encode("Adobe"),
        ...[0, 100, 0, 0, 0, 0, transform],
      ),
    );
  for (
    const [what, file] of Object.entries({
      colour,
      progressive: await noise.clone().jpeg({ progressive: true }).toBuffer(),
      grey: await noise.clone().toColourspace("b-w").toBuffer(),
      "Adobe's YCbCr": adobe(1),
      "Adobe's RGB": adobe(0),
    })
  ) {
    const image = await decodeJpeg(file);
    assert(image !== undefined, what);
    assertEquals([image.width, image.height], [50, 37], what);
    const expected = await sharp(file).toColourspace("srgb").raw().toBuffer();
    assertEquals(image.data.length, expected.length, what);
    const distances = image.data.map((byte, i) => Math.abs(byte - expected[i]));
    const mean = distances.reduce((a, b) => a + b) / distances.length;
    assert(mean < 1.5, `${what}: ${mean}`);
  }
});

Deno.test("decodeJpeg() leaves other files to sharp", { ignore }, async () => {
  const { decodeJpeg } = await import("./jpeg.ts");
  const { picture } = await import("../testdata/pictures.ts");
  const image = picture(60, 50, COLOR);
  const jpeg = await image.clone().jpeg({ quality: 100 }).toBuffer();
  for (
    const [what, file] of Object.entries({
      empty: new Uint8Array(),
      png: await image.clone().png().toBuffer(),
      cmyk: await image.clone().toColourspace("cmyk").jpeg().toBuffer(),
      turned: await image.clone().withMetadata({ orientation: 3 }).jpeg()
        .toBuffer(),
      "cut off": jpeg.subarray(0, -300),
    })
  ) {
    assertEquals(await decodeJpeg(file), undefined, what);
  }
});
