/**
 * All packages in one import. Whoever needs one module only imports that:
 * `@cram/tensor`, `@cram/autograd`, `@cram/compress`, `@cram/optim`,
 * `@cram/models` or `@cram/tasks`.
 *
 * @module
 */

export * from "@cram/autograd";
export * from "@cram/compress";
export * from "@cram/models";
export * from "@cram/optim";
export * from "@cram/tasks";
export * from "@cram/tensor";
