import { valueAndGrad } from "@cram/autograd";
import { openDevice, RandomSource, sum, tensor } from "@cram/tensor";
import { assertEquals } from "@std/assert";
import { Embedding } from "./embedding.ts";

Deno.test("Embedding looks rows up, and does not train that of padding", async () => {
  await using device = await openDevice("reference");
  using layer = new Embedding(device, {
    ...{ entries: 3, width: 2, standardDeviation: 1, paddingIndex: 1 },
  }, new RandomSource(1n));
  using _scope = device.scope();
  const weight = [...await layer.weight.value.data()] as number[];
  assertEquals(weight.slice(2, 4), [0, 0]);
  const indices = tensor(device, [[2, 1, 2]], { dtype: "int32" });
  assertEquals([...await layer.forward(indices).data()], [
    ...weight.slice(4),
    ...weight.slice(2, 4),
    ...weight.slice(4),
  ]);
  const { gradients: [gradient] } = valueAndGrad(
    () => sum(layer.forward(indices)),
    [layer.weight.value],
  );
  assertEquals([...await gradient.data()], [0, 0, 0, 0, 2, 2]);
});
