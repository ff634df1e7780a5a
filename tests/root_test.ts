/**
 * The root module has everything that the packages have.
 *
 * @module
 */

import * as autograd from "@cram/autograd";
import * as compress from "@cram/compress";
import * as models from "@cram/models";
import * as optim from "@cram/optim";
import * as tasks from "@cram/tasks";
import * as tensor from "@cram/tensor";
import { assertEquals } from "@std/assert";
import * as root from "../mod.ts";

Deno.test("mod.ts exports what each package exports", () => {
  const packages = [autograd, compress, models, optim, tasks, tensor];
  assertEquals(
    packages.flatMap(Object.keys).filter((name) => !Object.hasOwn(root, name)),
    [],
  );
});
