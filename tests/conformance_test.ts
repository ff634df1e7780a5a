/**
 * The conformance vectors of the CrAM method: two steps of every optimizer on
 * a toy loss, as the classes of the paper's code take them in float64.
 *
 * @module
 */

import { topK } from "@cram/compress";
import {
  adam,
  cram,
  type CramOptions,
  cramPlus,
  type OptimizerRule,
  sam,
  sgd,
} from "@cram/optim";
import { type Device, type DType, type Tensor, tensor } from "@cram/tensor";
import { assert } from "@std/assert";
import { CPU, openTested, REFERENCE, WEBGPU } from "./devices.ts";

const W0 = [0.9, -0.2, 0.35, -0.6, 0.05, -1.1];
const B0 = [0.3, -0.4, 0.02];

const add = (list: readonly number[]): number => list.reduce((x, y) => x + y);

/** The gradient of L = ½Σ hW(W-cW)² + ½Σ hb(b-cb)² + 0.1(ΣW)² + 0.3(ΣW)(Σb). */
function gradientsOf(
  W: readonly number[],
  b: readonly number[],
): [number[], number[]] {
  const hW = [1, 2, 0.5, 1.5, 3, 0.8];
  const cW = [0.5, 0.3, -0.2, -0.9, 0.4, -0.7];
  const hb = [1.2, 0.7, 2.5];
  const cb = [0.1, 0.2, -0.3];
  return [
    W.map((w, i) => hW[i] * (w - cW[i]) + 0.2 * add(W) + 0.3 * add(b)),
    b.map((x, i) => hb[i] * (x - cb[i]) + 0.3 * add(W)),
  ];
}

const base = sgd({ momentum: 0.9, weightDecay: 0.01 });
const half: CramOptions = { base, compressors: [topK(0.5)], rho: 0.2 };

/** One optimizer: W and b after step 1 and after step 2. */
interface Vector {
  readonly name: string;
  readonly rule: OptimizerRule;
  readonly learningRate: number;
  readonly steps: readonly (readonly [W: number[], b: number[]])[];
}

// deno-fmt-ignore
const VECTORS: readonly Vector[] = [
  { name: "SGD", rule: base, learningRate: 0.1, steps: [
    [[.8735, -.0854, .33655, -.63, .16935, -1.0525], [.2937, -.3396, -.04202]],
    [[.8218341, .105313, .30768855, -.6864624, .35619825, -.9700899], [.2761473, -.2354734, -.15063598]],
  ] },
  { name: "SAM", rule: sam({ base, rho: 0.05 }), learningRate: 0.1, steps: [
    [[.873860218797, -.078577181638, .337394151665, -.630155468197, .179460005405, -1.050546486216], [.295124363041, -.33692579459, -.044350244725]],
    [[.821779554585, .12292445199, .309188441374, -.688057486433, .380311619428, -.9652833582], [.278849076257, -.228761468948, -.158277860417]],
  ] },
  { name: "CrAM, dense gradient", rule: cram({ ...half, sparseGradient: false }), learningRate: 0.1, steps: [
    [[.860732, -.133048, .346402, -.727648, .176702, -1.052724], [.281508, -.341952, -.083772]],
    [[.793857096, -.003026916, .342448634, -.967172316, .420188334, -.9643719472], [.2484669288, -.2368162032, -.2431461456]],
  ] },
  { name: "CrAM, sparse gradient", rule: cram(half), learningRate: 0.1, steps: [
    [[.860732, -.1998, .34965, -.5994, .04995, -1.052724], [.281508, -.341952, -.083772]],
    [[.794539184, -.1994202, .34898535, -.5982606, .04985505, -.9637394656], [.2490622056, -.2364069504, -.2420672064]],
  ] },
  { name: "CrAM+, dense gradient", rule: cramPlus({ ...half, sparseGradient: false }), learningRate: 0.1, steps: [
    [[.835132, -.018648, .333302, -.758248, .296102, -1.006324], [.275508, -.281952, -.145772]],
    [[.723988076, .287930464, .300888814, -1.036562336, .688080514, -.8467126472], [.2237763288, -.0864233032, -.3709646056]],
  ] },
  { name: "CrAM+, sparse gradient", rule: cramPlus(half), learningRate: 0.1, steps: [
    [[.835132, -.0854, .33655, -.63, .16935, -1.006324], [.275508, -.281952, -.145772]],
    [[.725910324, .10708572, .30946127, -.68468968, .35797097, -.8448400056], [.2262318456, -.0841538104, -.3680254264]],
  ] },
  { name: "CrAM+, sparse gradient, normalized ascent", rule: cramPlus({ ...half, normalize: true }), learningRate: 0.1, steps: [
    [[.837477541295, -.0854, .33655, -.63, .16935, -1.010149278756], [.275602451327, -.286698179198, -.131135979738]],
    [[.730085949343, .106815785977, .309191335977, -.684959614023, .357701035977, -.854279380004], [.226882528631, -.094577466428, -.344935269257]],
  ] },
  { name: "CrAM+, sparse gradient, on Adam", rule: cramPlus({ ...half, base: adam() }), learningRate: 0.01, steps: [
    [[.890000000156, -.190000000087, .340000000763, -.609999999673, .059999999916, -1.090000000108], [.290000000413, -.390000000085, .01000000006]],
    [[.880015847525, -.180004182638, .33002136946, -.619979620629, .069993384701, -1.080002566569], [.28004910669, -.380003424843, 1.1968931e-05]],
  ] },
];

async function assertClose(
  actual: Tensor,
  expected: readonly number[],
  tolerance: number,
): Promise<void> {
  for (const [i, value] of (await actual.data()).entries()) {
    assert(
      Math.abs(value - expected[i]) <= tolerance,
      `Element ${i} is ${value} instead of ${expected[i]}`,
    );
  }
}

async function check(
  device: Device,
  { rule, learningRate, steps }: Vector,
  dtype: DType,
  tolerance: number,
): Promise<void> {
  using _scope = device.scope();
  const W = tensor(device, W0, { dtype, shape: [2, 3] });
  const b = tensor(device, B0, { dtype });
  using optimizer = rule.start([W, b]);
  for (const [expectedW, expectedB] of steps) {
    await optimizer.step(async () => {
      const [gradientW, gradientB] = gradientsOf(
        [...await W.data()],
        [...await b.data()],
      );
      return {
        value: tensor(device, 0, { dtype }),
        gradients: [
          tensor(device, gradientW, { dtype, shape: [2, 3] }),
          tensor(device, gradientB, { dtype }),
        ],
      };
    }, { learningRate });
    await assertClose(W, expectedW, tolerance);
    await assertClose(b, expectedB, tolerance);
  }
}

const [reference, ...others] = await openTested(REFERENCE, CPU, WEBGPU);

for (const vector of VECTORS) {
  const title = `${vector.name} takes the steps of the paper's code`;
  reference.test(title, (device) => check(device, vector, "float64", 1e-12));
  for (const other of others) {
    other.test(title, (device) => check(device, vector, "float32", 1e-5));
  }
}
