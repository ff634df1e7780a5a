"""Makes resize.json: what crops of a pattern become by Pillow's bilinear filter.
Made with Pillow 12.3.0.

Run: python tests/goldens/resize.py > tests/goldens/resize.json
"""

import json

from PIL import Image

CASES = [
    # width and height of the image, the crop's corners, the size of the result
    ((9, 7), (0, 0, 9, 7), (4, 4)),
    ((9, 7), (2, 1, 7, 6), (8, 8)),
    ((40, 30), (3, 2, 37, 29), (10, 6)),
    ((40, 30), (0, 0, 40, 30), (40, 9)),
    ((40, 30), (5, 4, 40, 30), (7, 26)),
    ((5, 5), (1, 0, 5, 4), (4, 4)),
    ((1, 1), (0, 0, 1, 1), (3, 3)),
    ((300, 2), (0, 0, 300, 2), (5, 5)),
    ((2, 150), (0, 0, 2, 150), (3, 7)),
    ((120, 100), (10, 10, 110, 90), (24, 20)),
]


# The same as pattern() in tasks/data/resize_test.ts.
def pattern(width: int, height: int) -> Image.Image:
    values = bytes(
        ((x * 7 + y * 13 + channel * 50) ^ (x * y)) & 255
        for y in range(height)
        for x in range(width)
        for channel in range(3)
    )
    return Image.frombytes("RGB", (width, height), values)


def main() -> None:
    cases = [
        {
            "image": size,
            "box": box,
            "size": result,
            "bytes": list(
                pattern(*size).crop(box).resize(result, Image.BILINEAR).tobytes()
            ),
        }
        for size, box, result in CASES
    ]
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
