/**
 * The two passes of SAM and CrAM see the same network of all that dropout
 * makes of a BERT, and each step another one.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import {
  BertForQuestionAnswering,
  bertGroups,
  parseBertConfig,
  spanLoss,
  trainingContext,
} from "@cram/models";
import { adamW, sam } from "@cram/optim";
import { tensor } from "@cram/tensor";
import { assertEquals } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";

const CONFIG = parseBertConfig({
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 24,
});

for (const device of await openTested(REFERENCE, CPU, WEBGPU)) {
  device.test("both passes of a step drop the same of a BERT", async (device) => {
    using _scope = device.scope();
    using model = new BertForQuestionAnswering(device, CONFIG, { seed: 1n });
    const inputs = {
      inputIds: tensor(device, [[3, 4, 5, 6], [7, 8, 9, 0]], {
        dtype: "int32",
      }),
    };
    const position = tensor(device, [1, 2], { dtype: "int32" });
    const parameters = model.parameters();
    // Without an ascent and a step, only dropout makes losses differ.
    const rule = sam({ base: adamW(), rho: 0 });
    using optimizer = rule.start(parameters, {
      groups: bertGroups(),
      microBatches: 2,
    });
    const losses: number[][] = [[], []];
    for (let step = 0; step < 2; step++) {
      await optimizer.step(async (pass) => {
        const evaluation = valueAndGrad(
          () =>
            spanLoss(model.forward(inputs, trainingContext(pass, 5n)), {
              start: position,
              end: position,
            }),
          [...parameters.values()],
        );
        losses[pass.pass - 1].push(await evaluation.value.item());
        return evaluation;
      }, { learningRate: 0 });
    }
    assertEquals(losses[1], losses[0]);
    assertEquals(new Set(losses[0]).size, 4, String(losses[0]));
  });
}
