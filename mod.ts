/**
 * All libraries in one import. Whoever needs one of them only imports that:
 * `@cram/tensor`, `@cram/autograd`, `@cram/compress`, `@cram/optim` or
 * `@cram/models`. `@cram/tasks` is apart: decoding images asks for permissions.
 *
 * @module
 */

export * from "@cram/autograd";
export * from "@cram/compress";
export * from "@cram/models";
export * from "@cram/optim";
export * from "@cram/tensor";
