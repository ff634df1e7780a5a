import { assert, assertEquals } from "@std/assert";
import { EMOJI_CLASSES } from "@cram/tasks";
import { withoutPermissions as ignore } from "../tasks/testdata/temporary_folder.ts";
import { parseImageSet } from "./image_set.ts";
import { IMAGE_SIZE, packImages } from "./pack_images.ts";

Deno.test({
  name: "packImages() packs pictures on white, with their classes",
  ignore,
  fn: async () => {
    const set = await parseImageSet(await packImages(3));
    assertEquals([set.classes, set.size], [EMOJI_CLASSES, IMAGE_SIZE]);
    for (const { pixels, labels } of [set.train, set.validation]) {
      assertEquals(pixels.length, 3 * IMAGE_SIZE ** 2 * 3);
      assert(labels.every((label) => label < EMOJI_CLASSES.length));
      // Nothing reaches into the corners.
      assertEquals([...pixels.subarray(0, 3)], [255, 255, 255]);
      assert(pixels.some((value) => value < 128));
    }
  },
});
