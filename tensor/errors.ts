/**
 * The named errors of the tensor library. Every message states the failed
 * action and the values that made it fail.
 *
 * @module
 */

/** Shapes that do not fit an operation, or that are no shapes at all. */
export class ShapeError extends RangeError {
  /** The name of this error. */
  override readonly name: string = "ShapeError";
}

/** A value type that an operation or a device does not take. */
export class DTypeError extends TypeError {
  /** The name of this error. */
  override readonly name: string = "DTypeError";
}

/** An option or scalar argument outside of what an operation takes. */
export class ArgumentError extends RangeError {
  /** The name of this error. */
  override readonly name: string = "ArgumentError";
}

/** Tensors of different devices, or an operation on a closed device. */
export class DeviceError extends Error {
  /** The name of this error. */
  override readonly name: string = "DeviceError";
}

/** No adapter that fits the requested device was found. */
export class NoAdapterError extends DeviceError {
  /** The name of this error. */
  override readonly name: string = "NoAdapterError";
}

/** The device went away: a driver reset, an unplugged GPU, a closed browser tab. */
export class DeviceLostError extends DeviceError {
  /** The name of this error. */
  override readonly name: string = "DeviceLostError";
}

/** One tensor needs more bytes than one buffer or one binding of the device can have. */
export class BufferTooLargeError extends RangeError {
  /** The name of this error. */
  override readonly name: string = "BufferTooLargeError";
}

/** The device's memory, or the limit that the user set for it, is used up. */
export class OutOfMemoryError extends Error {
  /** The name of this error. */
  override readonly name: string = "OutOfMemoryError";
}

/** A tensor, scope or device was used after it was disposed of. */
export class DisposedError extends Error {
  /** The name of this error. */
  override readonly name: string = "DisposedError";
}

/** Scopes that were closed in another order than the reverse of their opening. */
export class ScopeError extends Error {
  /** The name of this error. */
  override readonly name: string = "ScopeError";
}
