/**
 * Layers, and networks with the names and the initial weights of PyTorch.
 *
 * @module
 */

export * from "./batch_norm.ts";
export * from "./bert.ts";
export * from "./bert_config.ts";
export * from "./bert_groups.ts";
export * from "./bert_weights.ts";
export * from "./conv2d.ts";
export * from "./dropout.ts";
export * from "./embedding.ts";
export * from "./errors.ts";
export * from "./forward_context.ts";
export * from "./initialization.ts";
export * from "./layer_norm.ts";
export * from "./linear.ts";
export * from "./load_weights.ts";
export * from "./module.ts";
export * from "./module_group.ts";
export * from "./pytorch.ts";
export * from "./resnet.ts";
export * from "./retune_batch_norm.ts";
export * from "./sequence.ts";
export * from "./span_loss.ts";
export * from "./variable.ts";
