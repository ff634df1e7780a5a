/** Memory of the reference device. */

import type { BackendBuffer, View } from "../backend.ts";
import type { HostArray } from "../dtype.ts";
import { DisposedError, OutOfMemoryError } from "../errors.ts";
import { sizeOf } from "../shape.ts";

/** Memory that notices when it is used after it was given back. */
export class ReferenceBuffer implements BackendBuffer {
  readonly byteLength: number;
  #memory: ArrayBuffer | undefined;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    try {
      this.#memory = new ArrayBuffer(byteLength);
    } catch (cause) {
      throw new OutOfMemoryError(
        `Cannot allocate ${byteLength} bytes on the reference device`,
        { cause },
      );
    }
    // The content is unspecified: NaN shows who relies on zeros.
    new Uint8Array(this.#memory).fill(0xff);
  }

  get memory(): ArrayBuffer {
    if (this.#memory === undefined) {
      throw new DisposedError(
        `Cannot use a buffer of ${this.byteLength} bytes: it was freed`,
      );
    }
    return this.#memory;
  }

  free(): void {
    this.#memory = undefined;
  }
}

/** A contiguous range of reference memory, seen as a tensor. */
export type ReferenceView = View<ReferenceBuffer>;

/** Whether the engine has arrays of float16; before Node 24 they are bit patterns, for storage and casts. */
export const HAS_FLOAT16 = "Float16Array" in globalThis;

/** What elements are read and written through. */
export type ReferenceArray = HostArray | Float16Array;

/** The elements of a view, for reading and writing. */
export function elementsOf(view: ReferenceView): ReferenceArray {
  const { memory } = view.buffer;
  const size = sizeOf(view.shape);
  switch (view.dtype) {
    case "float32":
      return new Float32Array(memory, view.byteOffset, size);
    case "float64":
      return new Float64Array(memory, view.byteOffset, size);
    case "int32":
      return new Int32Array(memory, view.byteOffset, size);
    case "uint32":
    case "bool":
      return new Uint32Array(memory, view.byteOffset, size);
    case "uint8":
      return new Uint8Array(memory, view.byteOffset, size);
    case "float16":
      if (HAS_FLOAT16) {
        return new Float16Array(memory, view.byteOffset, size);
      }
      return new Uint16Array(memory, view.byteOffset, size);
    case "bfloat16":
      return new Uint16Array(memory, view.byteOffset, size);
    default:
      return view.dtype satisfies never;
  }
}
