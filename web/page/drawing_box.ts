/**
 * A box to draw in, or to show a picture.
 *
 * @module
 */

/** The width of lines, as a part of the box. */
const PEN_WIDTH = 1 / 14;

/** The box; its background is white, as that of the image set. */
export class DrawingBox {
  /** What is drawn on. */
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #color: () => string;
  readonly #onChange: () => void;

  /**
   * @param canvas What is drawn on.
   * @param color The colour of the pen.
   * @param onChange Told when a line ends, or a picture is shown.
   */
  constructor(
    canvas: HTMLCanvasElement,
    color: () => string,
    onChange: () => void,
  ) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d")!;
    this.#color = color;
    this.#onChange = onChange;
    this.#paint();
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#draw(event));
    canvas.addEventListener("pointerup", () => onChange());
  }

  /** Shows a picture whole, or nothing. */
  show(
    picture?: CanvasImageSource & {
      readonly width: number;
      readonly height: number;
    },
  ): void {
    this.#paint(picture);
    this.#onChange();
  }

  #paint(
    picture?: CanvasImageSource & {
      readonly width: number;
      readonly height: number;
    },
  ): void {
    const { width, height } = this.canvas;
    const context = this.#context;
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    if (picture === undefined) return;
    const scale = Math.min(width / picture.width, height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
  }

  #begin(event: PointerEvent): void {
    this.canvas.setPointerCapture(event.pointerId);
    const context = this.#context;
    context.strokeStyle = this.#color();
    context.lineWidth = this.canvas.width * PEN_WIDTH;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...this.#at(event));
    this.#draw(event);
  }

  #draw(event: PointerEvent): void {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    this.#context.lineTo(...this.#at(event));
    this.#context.stroke();
  }

  #at({ offsetX, offsetY }: PointerEvent): [number, number] {
    const { width, clientWidth } = this.canvas;
    const scale = width / clientWidth;
    return [offsetX * scale, offsetY * scale];
  }
}
