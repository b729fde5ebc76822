"""What people look like: build, skin, hair and clothes, and the sprites made of them."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import Shape, make_shape
from mmselfhuman.datasets.synthetic.sprites import Colour, Sprite, make_sprite, pack, solid

SKINS: tuple[Colour, ...] = (
    (186, 209, 244), (160, 188, 232), (142, 172, 222), (120, 150, 204), (98, 128, 184),
    (78, 104, 158), (62, 84, 130), (50, 66, 104), (40, 52, 82),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (28, 26, 28), (34, 38, 48), (36, 52, 78), (48, 74, 112), (70, 108, 152), (104, 158, 200), (44, 64, 140),
    (150, 154, 158),
)  # fmt: skip
PATTERNS = ("plain", "stripes", "pinstripes", "checks", "dots", "blocks", "camouflage", "print")
_ROUND_NECKED = 0.52
"""Sleeves to the elbow go with a round neck, which shows no collar."""
HAIR_STYLES = ("short", "short", "short", "long", "long", "tail", "bun", "curly", "bald", "cap")


@dataclass(frozen=True)
class Build:
    """Proportions, relative to the average adult's.

    Attributes:
        stature: Standing height (1 = an adult of average height).
        girth: Thickness of trunk and limbs.
        head: Size of the head relative to the body: children's are larger.
        slim: A narrower waist and shoulders, wider hips.
    """

    stature: float
    girth: float
    head: float
    slim: bool


def draw_build(rng: Stream, children: float) -> Build:
    """A build from a stream; ``children`` is the share of children."""
    if rng.chance(children):
        stature = rng.uniform(0.58, 0.85)
        return Build(stature, rng.uniform(0.95, 1.15), 1.0 + 0.75 * (1.0 - stature), rng.chance(0.5))
    return Build(rng.uniform(0.9, 1.07), rng.uniform(0.88, 1.3), rng.uniform(0.97, 1.06), rng.chance(0.5))


@dataclass(frozen=True)
class Cloth:
    """A fabric: pattern, two colours, and the pattern's period in statures."""

    pattern: str
    first: Colour
    second: Colour
    period: float


@dataclass(frozen=True)
class Look:
    """How one person is dressed.

    Attributes:
        skin, hair, shoes: Colours.
        hair_style: One of ``HAIR_STYLES``.
        shirt, trousers: Fabrics.
        sleeve: Covered share of the arm, 0 to 1 (elbow at 0.54).
        legwear: ``'trousers'``, ``'shorts'`` or ``'skirt'``.
        beard, glasses, fists: Whether there are any.
        carries: Something in a hand that is not part of the person: ``'bag'``, ``'board'`` or ``''``.
    """

    skin: Colour
    hair: Colour
    hair_style: str
    shirt: Cloth
    trousers: Cloth
    shoes: Colour
    sleeve: float
    legwear: str
    beard: bool
    glasses: bool
    fists: bool
    carries: str


def _tint(rng: Stream, dull: float) -> Colour:
    """A colour of clothing; ``dull`` 0 is vivid, 1 is near the greys and browns of the background."""
    value = rng.uniform(40, 235)
    hue = [rng.uniform(-1, 1) for _ in range(3)]
    strength = (1.0 - dull) * rng.uniform(0.25, 1.0) * 110
    return tuple(int(min(250, max(12, value + strength * part))) for part in hue)


def _fabric(rng: Stream, patterned: float, dull: float) -> Cloth:
    pattern = rng.choice(PATTERNS[1:]) if rng.chance(patterned) else "plain"
    first = _tint(rng, dull)
    second = (235, 238, 240) if rng.chance(0.3) else _tint(rng, dull)
    return Cloth(pattern, first, second, rng.uniform(0.035, 0.075))


def draw_look(rng: Stream, patterned: float, dull: float, carrying: float) -> Look:
    """A person's look from a stream.

    Args:
        rng: Stream of this person.
        patterned: Share of patterned clothes.
        dull: How near the colours are to those of backgrounds, 0 to 1.
        carrying: Share of people who carry something.
    """
    shirt = _fabric(rng, patterned, dull)
    legwear = rng.weighted({"trousers": 0.6, "shorts": 0.22, "skirt": 0.18})
    trousers = shirt if rng.chance(0.1) else _fabric(rng, 0.35 * patterned, max(dull, 0.5))
    return Look(
        skin=rng.choice(SKINS),
        hair=rng.choice(HAIRS),
        hair_style=rng.choice(HAIR_STYLES),
        shirt=shirt,
        trousers=trousers,
        shoes=rng.choice(((32, 30, 30), (40, 50, 70), (226, 226, 228), (60, 60, 180), (140, 120, 60))),
        sleeve=rng.weighted({0.0: 0.12, 0.3: 0.38, _ROUND_NECKED: 0.08, 0.97: 0.42}),
        legwear=legwear,
        beard=rng.chance(0.15),
        glasses=rng.chance(0.15),
        fists=rng.chance(0.4),
        carries=rng.choice(("bag", "board")) if rng.chance(carrying) else "",
    )


def weave(cloth: Cloth, s: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Packed colours ``(h, w)`` of a fabric at part coordinates ``s (h, 1)``, ``c (1, w)``."""
    first, second = pack(np.array([cloth.first, cloth.second]))
    rows, columns = np.floor(s / cloth.period * 2), np.floor(c / cloth.period * 2 + 0.5)
    if cloth.pattern == "stripes":
        odd = (rows % 2 == 1) & (c == c)
    elif cloth.pattern == "pinstripes":
        odd = (np.floor(c / cloth.period * 4) % 3 == 1) & (s == s)
    elif cloth.pattern == "checks":
        odd = (rows + columns) % 2 == 1
    elif cloth.pattern == "dots":
        row_phase, column_phase = (
            s / cloth.period - np.floor(s / cloth.period),
            c / cloth.period - np.floor(c / cloth.period),
        )
        odd = (row_phase - 0.5) ** 2 + (column_phase - 0.5) ** 2 < 0.075
    elif cloth.pattern == "blocks":
        odd = (s > 0.17) & (c == c)
    elif cloth.pattern == "camouflage":
        blots = Stream("camouflage").bytes(16, 16)
        odd = blots[rows.astype(int) % 16, columns.astype(int) % 16] > 140
    else:
        return np.broadcast_to(first, (s.shape[0], c.shape[1]))
    return np.where(odd, second, first)


class Tailor:
    """Makes the sprites of one person.

    Args:
        look: What to make.
        build: Whose body.
        density: Texels per stature.
    """

    def __init__(self, look: Look, build: Build, density: int) -> None:
        self._look, self._build, self._density = look, build, density

    def parts(self) -> dict[str, Sprite]:
        """Sprites by part. Parts of left and right are ``(name)_left`` and ``(name)_right``."""
        look = self._look
        parts = {
            "trunk": self._dress("trunk_slim" if self._build.slim else "trunk", look.shirt),
            "pelvis": self._dress("pelvis", look.trousers),
            "neck": self._plain("neck", look.skin),
            "head": self._plain("head", look.skin),
            "face": self._face(),
            "nose": self._plain("nose", _lit(look.skin, 1.1)),
            "mouth": self._plain("mouth", (80, 70, 150) if look.skin[2] > 150 else (50, 44, 96)),
            "shadow": make_sprite(make_shape("shadow", self._density), solid((24, 22, 20)), 110),
        }
        if look.shirt.pattern == "print":
            parts["front"] = self._plain("print", look.shirt.second)
        elif look.sleeve != _ROUND_NECKED:
            parts["front"] = self._plain("collar", look.skin if look.sleeve < 0.9 else (228, 230, 232))
        parts.update(self._hair())
        arm, forearm = self._sleeves()
        hand = self._plain("fist" if look.fists else "hand", look.skin)
        thigh, shin = self._legs()
        foot = self._shoe()
        eye, ear = self._eye(), self._plain("ear", _lit(look.skin, 0.92))
        for side in ("left", "right"):
            parts[f"upper_arm_{side}"], parts[f"forearm_{side}"], parts[f"hand_{side}"] = arm, forearm, hand
            parts[f"thigh_{side}"], parts[f"shin_{side}"], parts[f"foot_{side}"] = thigh, shin, foot
            parts[f"eye_{side}"], parts[f"ear_{side}"] = eye, ear
        if look.legwear == "skirt":
            parts["skirt"] = self._dress("skirt", look.trousers)
        if look.carries:
            parts["object"] = self._plain("sack" if look.carries == "bag" else "board", _lit(look.shoes, 0.9))
        return parts

    def _shape(self, name: str) -> Shape:
        return make_shape(name, self._density)

    def _plain(self, name: str, colour: Colour) -> Sprite:
        return make_sprite(self._shape(name), solid(colour))

    def _dress(self, name: str, cloth: Cloth) -> Sprite:
        shape = self._shape(name)
        return make_sprite(shape, weave(cloth, *shape.grid))

    def _part(self, name: str, cloth: Cloth, until: float) -> Sprite:
        """Fabric up to ``s = until``, skin beyond."""
        shape = self._shape(name)
        s, c = shape.grid
        return make_sprite(shape, np.where(s < until, weave(cloth, s, c), solid(self._look.skin)))

    def _sleeves(self) -> tuple[Sprite, Sprite]:
        reach = self._look.sleeve * 0.325
        cloth = self._look.shirt
        return self._part("upper_arm", cloth, reach if reach else 0.02), self._part("forearm", cloth, reach - 0.175)

    def _legs(self) -> tuple[Sprite, Sprite]:
        look = self._look
        if look.legwear == "trousers":
            return self._dress("thigh", look.trousers), self._part("trouser", look.trousers, 0.24)
        return self._part("thigh", look.trousers, 0.17), self._part("shin", look.trousers, -1.0)

    def _shoe(self) -> Sprite:
        shape = self._shape("foot")
        _, c = shape.grid
        sole = solid((210, 212, 214) if sum(self._look.shoes) < 400 else (90, 90, 96))
        return make_sprite(shape, np.where(c > 0.026, sole, solid(self._look.shoes)))

    def _face(self) -> Sprite:
        """Skin with a hairline and perhaps a beard."""
        look, shape = self._look, self._shape("face")
        s, c = shape.grid
        c = c * 20.0
        colours = np.broadcast_to(solid(look.skin), shape.alpha.shape)
        if look.beard:
            colours = np.where(
                (s < -0.028) & ((np.abs(c) > 0.42) | (s < -0.052) | (s > -0.035)), solid(look.hair), colours
            )
        if look.hair_style not in ("bald", "cap"):
            fringe = {"long": 0.03, "curly": 0.026, "tail": 0.036, "bun": 0.038}.get(look.hair_style, 0.034)
            colours = np.where(s > fringe - 0.014 * c * c, solid(look.hair), colours)
        return make_sprite(shape, colours)

    def _eye(self) -> Sprite:
        look, shape = self._look, self._shape("eye")
        s, c = shape.grid
        brow, iris = s > 0.008, (np.abs(c) < 0.0055) & (s < 0.006)
        dark, white = solid((26, 24, 26)), solid((236, 238, 240))
        if look.glasses:
            colours = np.where(s < 0.01, dark, solid(look.skin))
        else:
            open_ = np.where(iris, dark, white)
            colours = np.where(brow, solid(look.hair), np.where(s < -0.008, solid(look.skin), open_))
        return make_sprite(shape, colours)

    def _hair(self) -> dict[str, Sprite]:
        look = self._look
        style, colour = look.hair_style, look.hair
        parts = {}
        if style != "bald":
            parts["hair"] = self._plain("hair_curly" if style == "curly" else "hair", colour)
        if style == "long":
            parts["hair_back"] = self._plain("hair_long", _lit(colour, 0.85))
        if style in ("tail", "bun"):
            parts["knot"] = self._plain(style, colour)
        if style == "cap":
            parts["cap"] = self._plain("cap", look.trousers.first)
            parts["brim"] = self._plain("brim", _lit(look.trousers.first, 0.8))
        return parts


def _lit(colour: Colour, factor: float) -> Colour:
    return tuple(min(255, int(part * factor)) for part in colour)
