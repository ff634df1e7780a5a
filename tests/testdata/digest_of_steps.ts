/**
 * Prints a digest of what some training steps on the cpu device come to, bit
 * for bit; see ../revectorize_test.ts.
 *
 * @module
 */

import { valueAndGrad } from "@cram/autograd";
import { topK } from "@cram/compress";
import {
  BERT_CONFIGS,
  BertForQuestionAnswering,
  type Module,
  resnet20,
  spanLoss,
  TRAINING,
  trainingContext,
} from "@cram/models";
import { adamW, cramPlus, type Pass, sgd } from "@cram/optim";
import {
  openDevice,
  randomNormal,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "@cram/tensor";
import { createHash } from "node:crypto";

await using device = await openDevice("cpu");
using _scope = device.scope();
const hash = createHash("sha256");

async function train(
  model: Module,
  base: Parameters<typeof cramPlus>[0]["base"],
  loss: (pass: Pass) => Tensor,
): Promise<void> {
  const parameters = model.parameters();
  const compressors = [topK(0.5), topK(0.9)];
  using optimizer = cramPlus({ base, compressors, rho: 0.05 })
    .start(parameters);
  for (let step = 0; step < 3; step++) {
    using _step = device.scope();
    await optimizer.step(
      (pass) => valueAndGrad(() => loss(pass), [...parameters.values()]),
      { learningRate: 0.01 },
    );
  }
  for (const variable of model.stateDict().values()) {
    hash.update(new Uint8Array((await variable.data()).buffer));
  }
}

const images = randomNormal(device, [3, 20, 20, 3], { seed: 1n });
const labels = tensor(device, [3, 1, 4], { dtype: "int32" });
const network = resnet20(device, { seed: 2n });
await train(
  network,
  sgd({ momentum: 0.9 }),
  () => softmaxCrossEntropy(network.forward(images, TRAINING), labels),
);

const bert = new BertForQuestionAnswering(device, {
  ...BERT_CONFIGS["bert-tiny"],
  vocabSize: 100,
}, { seed: 3n });
const inputIds = tensor(
  device,
  Int32Array.from({ length: 2 * 70 }, (_, i) => i * 37 % 100),
  { shape: [2, 70] },
);
const positions = tensor(device, [5, 60], { dtype: "int32" });
await train(
  bert,
  adamW(),
  (pass) =>
    spanLoss(bert.forward({ inputIds }, trainingContext(pass, 4n)), {
      start: positions,
      end: positions,
    }),
);

console.log(hash.digest("hex"));
