"""Pixels: a complete scene becomes a picture, and a picture emerges step by step.

Things are signed-distance functions, so every size is drawn afresh and anti-aliased. The seed
moves, turns and tints them a little; it never changes what is true of the picture. Lengths are in
units of the picture's shorter side, y points down, and all of the scene is within the central
square, so that a centre crop loses nothing. What a picture shows is decided in `world`.
"""

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scene import Scene, Thing

Plane = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

_COLOURS: Final = {
    "red": (0.86, 0.20, 0.19),
    "green": (0.22, 0.64, 0.29),
    "blue": (0.17, 0.40, 0.86),
    "yellow": (0.97, 0.82, 0.20),
    "purple": (0.52, 0.27, 0.72),
    "orange": (0.96, 0.53, 0.13),
}
_BACKGROUNDS: Final = {
    "white": (0.95, 0.94, 0.92),
    "black": (0.11, 0.11, 0.13),
    "grey": (0.57, 0.58, 0.60),
    "beige": (0.87, 0.77, 0.62),
    "teal": (0.22, 0.53, 0.54),
}
_RADII: Final = {"small": 0.092, "large": 0.168}
_AXES: Final = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def draw(scene: Scene, *, seed: int, width: int, height: int) -> Pixels:
    """Draw a complete scene as (height, width, 3) sRGB. The same arguments give the same bytes."""
    rng = _generator(seed)
    x, y = _axes(width, height)
    angle = rng.uniform(-2.6, -1.9)  # the light comes from above, mostly from the left
    light = (math.cos(angle), math.sin(angle))
    canvas = _backdrop(scene.background or "white", x, y, light, rng)
    for thing, place in zip(scene.things, _places(scene, rng), strict=False):
        _put(canvas, thing, place, x, y, light, np.random.default_rng(rng.integers(2**63)))
    if scene.artefacts:
        _burn(canvas, scene.artefacts, rng)
    return _to_pixels(canvas)


def emerge(scene: Scene, *, seed: int, width: int, height: int, progress: float) -> Pixels:
    """The picture when `progress` (0 to 1) of its steps are done: blurred, noisy, then clear.

    `scene` is what shows at that time (`world.glimpse`). At 1 this is `draw`.
    """
    if progress >= 1:
        return draw(scene, seed=seed, width=width, height=height)
    scale = (10 + 54 * max(progress, 0.0)) / min(width, height)
    coarse_width, coarse_height = (max(4, round(n * min(scale, 1.0))) for n in (width, height))
    coarse = draw(scene, seed=seed, width=coarse_width, height=coarse_height)
    clear = _resize(coarse.astype(np.float32) / 255, width, height)
    left = (1 - progress) ** 1.3
    rng = _generator(seed, 1 + int(progress * 1000))
    grains = 48 / min(width, height)
    noise = rng.standard_normal((round(height * grains), round(width * grains), 3), np.float32)
    mean = clear.mean(axis=(0, 1))
    faded = mean + (clear - mean) * math.sqrt(max(progress, 0.0))
    return _to_pixels(faded + 0.1 * left * _resize(noise, width, height))


def _generator(seed: int, stream: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, stream]))


def _axes(width: int, height: int) -> tuple[Plane, Plane]:
    """Pixel centres as a row (1, width) and a column (height, 1)."""
    side = min(width, height)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / side
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / side
    return x[None, :], y[:, None]


def _backdrop(
    name: str, x: Plane, y: Plane, light: tuple[float, float], rng: np.random.Generator
) -> Plane:
    """Paper under a soft lamp: a tint, a slope of light, a vignette, mottling and grain."""
    tint = np.array(_tinted(_BACKGROUNDS[name], rng, 0.012), np.float32)
    shine = rng.uniform(0.05, 0.12)
    glow = 1 + shine * (light[0] * x + light[1] * y) - 0.16 * (x**2 + y**2)
    height, width = glow.shape
    for cells, depth in ((7, 0.018), (60, 0.010)):
        cloud = rng.standard_normal((cells, cells, 1), np.float32)
        glow += depth * _resize(cloud, width, height)[..., 0]
    # Dark paper needs added light for its texture to show at all.
    return glow[..., None] * tint + (glow[..., None] - 1) * np.float32(0.06)


def _places(scene: Scene, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Centres of the things, in their order. Always draws the same amount of chance."""
    wander = rng.uniform(-1, 1, (3, 2))
    if len(scene.things) < 2:
        return [(0.11 * float(wander[0, 0]), 0.11 * float(wander[0, 1]))]
    along = np.array(_AXES[scene.relation or "left of"], float)
    across = along[::-1]
    middle = 0.025 * wander[2]
    first = middle + along * (0.225 + 0.02 * wander[0, 0]) + across * 0.05 * wander[0, 1]
    second = middle - along * (0.225 + 0.02 * wander[1, 0]) + across * 0.05 * wander[1, 1]
    return [(float(cx), float(cy)) for cx, cy in (first, second)]


def _put(
    canvas: Plane,
    thing: Thing,
    place: tuple[float, float],
    x: Plane,
    y: Plane,
    light: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Paint one thing and its shadow into `canvas`, touching only the box around them."""
    radius = _RADII[thing.size or "large"] * rng.uniform(0.92, 1.08)
    turn = rng.uniform(-0.22, 0.22)
    colour = np.array(_tinted(_COLOURS[thing.colour or "red"], rng, 0.035), np.float32)
    lift = rng.uniform(0.018, 0.03)  # how high it floats above the paper
    reach = 1.35 * radius + 3 * lift
    columns = slice(*np.searchsorted(x[0], (place[0] - reach, place[0] + reach)))
    rows = slice(*np.searchsorted(y[:, 0], (place[1] - reach, place[1] + reach)))
    px, py = x[:, columns] - place[0], y[rows] - place[1]
    if px.size == 0 or py.size == 0:
        return
    pixel = max(abs(float(x[0, 1] - x[0, 0])), 1e-6)

    def distance(dx: float, dy: float) -> Plane:
        cos, sin = math.cos(turn), math.sin(turn)
        u, v = px - dx, py - dy
        return _SHAPES[thing.shape](cos * u + sin * v, cos * v - sin * u, radius)

    box = canvas[rows, columns]
    shadow = distance(-light[0] * lift, -light[1] * lift)
    box *= 1 - 0.42 * _inside(shadow, 2.2 * lift)[..., None]

    edge = distance(0.0, 0.0)
    # A rounded rim: bright where the surface near the edge faces the lamp, else dark.
    slope = (distance(light[0] * 0.01, light[1] * 0.01) - edge) / 0.01
    rim = np.exp(-np.square((edge + 0.1 * radius) / (0.13 * radius)))
    sheen = (light[0] * px + light[1] * py) / radius
    tone = (
        1 + 0.10 * sheen - 0.20 * rim * slope + 0.012 * rng.standard_normal(edge.shape, np.float32)
    )
    paint = colour * tone[..., None] + (0.10 * np.maximum(-rim * slope, 0))[..., None]
    cover = _inside(edge, pixel)[..., None]
    box += cover * (paint - box)


def _inside(distance: Plane, softness: float) -> Plane:
    """1 within the shape, 0 outside, a smooth step of the given width at its edge."""
    t = np.clip(0.5 - distance / np.float32(softness), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _circle(u: Plane, v: Plane, r: float) -> Plane:
    return np.sqrt(u * u + v * v) - r


def _square(u: Plane, v: Plane, r: float) -> Plane:
    return _rounded_box(u, v, 0.86 * r, 0.86 * r, 0.1 * r)


def _triangle(u: Plane, v: Plane, r: float) -> Plane:
    r, v = 1.12 * r, v - 0.12 * r
    slant = np.abs(u) * 0.866 - v * 0.5
    return np.asarray(np.maximum(slant, v) - 0.5 * r)


def _star(u: Plane, v: Plane, r: float) -> Plane:
    """Five points: fold the plane into half a point, then measure to its one edge."""
    r = 1.22 * r
    around = np.arctan2(u, -v)
    sector = np.abs((around + math.pi / 5) % (2 * math.pi / 5) - math.pi / 5)
    length = np.sqrt(u * u + v * v)
    along, aside = length * np.cos(sector), length * np.sin(sector)
    inner = 0.47 * r
    ex, ey = inner * math.cos(math.pi / 5) - r, inner * math.sin(math.pi / 5)
    return np.asarray(((along - r) * ey - aside * ex) / math.hypot(ex, ey))


def _ring(u: Plane, v: Plane, r: float) -> Plane:
    return np.asarray(np.abs(np.sqrt(u * u + v * v) - 0.76 * r) - 0.28 * r)


def _cross(u: Plane, v: Plane, r: float) -> Plane:
    u, v = np.abs(u), np.abs(v)
    return np.minimum(
        _rounded_box(u, v, 1.05 * r, 0.32 * r, 0.06 * r),
        _rounded_box(u, v, 0.32 * r, 1.05 * r, 0.06 * r),
    )


def _rounded_box(u: Plane, v: Plane, a: float, b: float, corner: float) -> Plane:
    du, dv = np.abs(u) - (a - corner), np.abs(v) - (b - corner)
    outside = np.sqrt(np.square(np.maximum(du, 0)) + np.square(np.maximum(dv, 0)))
    return np.asarray(outside + np.minimum(np.maximum(du, dv), 0) - corner)


_SHAPES: Final = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "ring": _ring,
    "cross": _cross,
}


def _tinted(
    colour: tuple[float, float, float], rng: np.random.Generator, depth: float
) -> tuple[float, ...]:
    lamp = rng.uniform(0.94, 1.04)
    return tuple(lamp * c + depth * rng.uniform(-1, 1) for c in colour)


def _burn(canvas: Plane, strength: float, rng: np.random.Generator) -> None:
    """What too much guidance looks like: hard contrast, blown colours, blotches."""
    height, width, _ = canvas.shape
    grey = canvas.mean(axis=2, keepdims=True)
    canvas[:] = grey + (canvas - grey) * (1 + 0.7 * strength)
    canvas[:] = 0.5 + (canvas - 0.5) * (1 + 0.45 * strength)
    canvas += 0.06 * strength * _resize(rng.standard_normal((40, 40, 3), np.float32), width, height)


def _resize(image: Plane, width: int, height: int) -> Plane:
    """Bilinear, by one small matrix per axis."""
    source_height, source_width, channels = image.shape
    tall = _weights(source_height, height) @ image.reshape(source_height, -1)
    sideways = tall.reshape(height, source_width, channels).transpose(0, 2, 1)
    wide: Plane = sideways @ _weights(source_width, width).T
    return wide.transpose(0, 2, 1)


@lru_cache(maxsize=64)
def _weights(source: int, target: int) -> Plane:
    at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    weights: Plane = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(source))).astype(np.float32)
    return weights


def _to_pixels(canvas: Plane) -> Pixels:
    pixels: Pixels = (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels
