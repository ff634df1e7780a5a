/**
 * The symbols of `using`, also for browsers that do not have them. Bundles get
 * this injected, and the names stand for the built-in ones there.
 *
 * @module
 */

const dispose: symbol = Symbol.dispose ??
  /* @__PURE__ */ Symbol.for("Symbol.dispose");
const asyncDispose: symbol = Symbol.asyncDispose ??
  /* @__PURE__ */ Symbol.for("Symbol.asyncDispose");

export { asyncDispose as "Symbol.asyncDispose", dispose as "Symbol.dispose" };
