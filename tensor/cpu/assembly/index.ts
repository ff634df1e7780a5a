// @ts-nocheck: AssemblyScript, compiled by ../build.ts
// Every function exported here is a kernel, except bindThread and heapBase.
export { bindThread, heapBase } from "./_kernel.ts";
export { add } from "./elementwise.ts";
