/** Running a few invocations to see what an adapter does, before there is a runtime. */

/**
 * Runs one workgroup or a few of a pipeline.
 *
 * @param gpu The device.
 * @param pipeline A pipeline with automatic layout that writes its last binding.
 * @param byteLength How much it writes.
 * @param input What its first binding holds, if it has two.
 * @param groups How many workgroups.
 * @returns What it wrote.
 */
export async function runProbe(
  gpu: GPUDevice,
  pipeline: GPUComputePipeline,
  byteLength: number,
  input?: Float32Array<ArrayBuffer>,
  groups = 1,
): Promise<ArrayBuffer> {
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const buffers: GPUBuffer[] = [];
  const bufferOf = (size: number, usage: number): GPUBuffer => {
    const buffer = gpu.createBuffer({ size, usage });
    buffers.push(buffer);
    return buffer;
  };
  try {
    const operands: GPUBuffer[] = [];
    if (input !== undefined) {
      operands.push(bufferOf(input.byteLength, STORAGE | COPY_DST));
      gpu.queue.writeBuffer(operands[0], 0, input);
    }
    const out = bufferOf(byteLength, STORAGE | COPY_SRC);
    operands.push(out);
    const host = bufferOf(byteLength, MAP_READ | COPY_DST);
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: operands.map((buffer, binding) => ({
          binding,
          resource: { buffer },
        })),
      }),
    );
    pass.dispatchWorkgroups(groups);
    pass.end();
    encoder.copyBufferToBuffer(out, 0, host, 0, byteLength);
    gpu.queue.submit([encoder.finish()]);
    await host.mapAsync(GPUMapMode.READ);
    return host.getMappedRange().slice(0);
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}
