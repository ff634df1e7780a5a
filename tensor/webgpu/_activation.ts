/** What follows a sum before it is stored, in WGSL. */

import type { Activation } from "../backend.ts";
import { wgslFunctions } from "./_wgsl_math.ts";

const EXPRESSIONS: Readonly<Record<Activation, string>> = {
  relu: "maximum(x, 0.0)",
  gelu: "gelu(x)",
  geluTanh: "gelu_tanh(x)",
  tanh: "tanh_f32(x)",
};

/** The functions `activate(x: f32) -> f32` and `activate4(x: vec4<f32>) -> vec4<f32>`. */
export function activationSource(activation: Activation | undefined): string {
  const expression = activation === undefined ? "x" : EXPRESSIONS[activation];
  return `${wgslFunctions(expression)}
fn activate(x: f32) -> f32 {
  return ${expression};
}
fn activate4(x: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
}
`;
}
