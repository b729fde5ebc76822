"""What spoils single frames of real video: shake, focus, exposure, lost blocks, noise. In integers only."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from mmselfhuman.datasets.synthetic.domains import DomainKnobs
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.sprites import LANES, unpack

_TILE = 256


def develop(packed: np.ndarray, knobs: DomainKnobs, clip: Stream, index: int, time: float) -> np.ndarray:
    """Turn a painted picture into a camera's frame.

    Args:
        packed: ``(H, W)`` packed colours of the scene.
        knobs: Of the domain.
        clip: Stream of the clip; light and tint are constant or slow in it.
        index: Number of the frame; blur, flashes and losses depend on the clip and this number alone.
        time: Of the frame, in seconds.

    Returns:
        ``(H, W, 3)`` uint8, BGR.
    """
    frame = clip.child("frame", index)
    height = packed.shape[0]
    if frame.chance(knobs.shake_blur):
        length = frame.within(knobs.shake_length) * height
        across, down = frame.uniform(-1, 1), frame.uniform(-0.6, 0.6)
        norm = max(abs(across), abs(down), 0.1)
        packed = _smear(packed, across / norm * length, down / norm * length)
    if frame.chance(knobs.defocus):
        width = 2.0 * frame.within(knobs.defocus_radius) * height
        packed = _smear(_smear(packed, width, 0.0), 0.0, width)
    image = unpack(packed)
    image = _expose(image, knobs, clip.child("light"), frame, time)
    if frame.chance(knobs.dropout):
        _lose_blocks(image, frame.child("dropout"))
    return _grain(image, knobs.noise, frame) if knobs.noise > 0 else image


def _smear(packed: np.ndarray, across: float, down: float) -> np.ndarray:
    """The mean of copies shifted along a line of this length (pixels), centred: exposure while the picture moves."""
    length = max(abs(across), abs(down))
    if length < 1.0:
        return packed
    digits = min(4, int(np.ceil(np.log2(length + 1.0))))
    count = 1 << digits
    steps = [(index + 0.5) / count - 0.5 for index in range(count)]
    shifts = [(int(np.floor(step * down + 0.5)), int(np.floor(step * across + 0.5))) for step in steps]
    pad = int(np.ceil(length / 2)) + 1
    height, width = packed.shape
    rows, columns = (np.clip(np.arange(-pad, extent + pad), 0, extent - 1) for extent in (height, width))
    wide = packed[rows[:, None], columns]
    total = np.zeros_like(packed)
    for row, column in shifts:
        total += wide[pad + row : pad + row + height, pad + column : pad + column + width]
    return (total >> np.uint64(digits)) & LANES


def _expose(image: np.ndarray, knobs: DomainKnobs, clip: Stream, frame: Stream, time: float) -> np.ndarray:
    """Brightness, contrast and tint of the clip, its slow flicker, and flashes or gloom of the frame."""
    flicker = float(clip.child("flicker").wander(np.array([time]), 0.4)[0])
    gain = 1.0 + knobs.light * (clip.uniform(-0.55, 0.45) + 0.25 * flicker)
    bend = knobs.light * clip.uniform(-0.6, 0.6)
    lift = 0.0
    kind = frame.uniform()
    if kind < knobs.flash:
        gain, lift = gain * frame.uniform(1.7, 2.8), 40.0
    elif kind < knobs.flash + knobs.gloom:
        gain *= frame.uniform(0.14, 0.35)
    levels = np.arange(256.0)
    curve = levels + bend * levels * (255.0 - levels) / 255.0
    tints = np.array([1.0 + knobs.light * clip.uniform(-0.3, 0.3) for _ in range(3)])
    table = np.clip(np.floor(gain * curve[:, None] * tints + lift + 0.5), 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def _lose_blocks(image: np.ndarray, rng: Stream) -> None:
    """Runs of blocks that arrive without detail: each shows its first pixel's colour (as a decoder that lost the
    residual)."""
    height, width = image.shape[:2]
    block = max(4, height // 8)
    for _ in range(2 + rng.integer(5)):
        y, x = rng.integer(max(1, height // block)) * block, rng.integer(max(1, width // block)) * block
        for column in range(x, min(width, x + block * (2 + rng.integer(6))), block):
            image[y : y + block, column : column + block] = image[y, column]


def _grain(image: np.ndarray, deviation: float, frame: Stream) -> np.ndarray:
    """Add sensor noise: a window of a fixed tile of noise, at a place that changes with the frame."""
    tile = _noise_tile(int(deviation * 4))
    height, width = image.shape[:2]
    rows = (np.arange(height) + frame.integer(_TILE)) % _TILE
    columns = (np.arange(width) + frame.integer(_TILE)) % _TILE
    noisy = image.astype(np.int16)
    noisy += tile[rows[:, None], columns]
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)


@lru_cache(maxsize=16)
def _noise_tile(quarter_levels: int) -> np.ndarray:
    """``(_TILE, _TILE, 3)`` int16, bell-shaped: the sum of four uniforms has a standard deviation of 148 / 256 of a
    byte."""
    draw: Callable[..., np.ndarray] = Stream("grain").bytes
    total = sum(draw(_TILE, _TILE, 3) for _ in range(4)) - 510
    return ((total * quarter_levels + 2 * 148) // (4 * 148)).astype(np.int16)
