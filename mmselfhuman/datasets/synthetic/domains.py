"""The two domains of the synthetic world and the knobs that set them apart."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from mmselfhuman.datasets.synthetic.motions import SOLO
from mmselfhuman.datasets.synthetic.pair_motions import PAIRS

Range = tuple[float, float]


@dataclass(frozen=True)
class DomainKnobs:
    """What may happen in a domain. Rates are per second, chances and shares lie in [0, 1], ranges are ``(low, high)``.

    Attributes:
        motions: Weight of each motion of single persons (``motions.SOLO``).
        pairs: Weight of each motion of two (``pair_motions.PAIRS``).
        pair_share: Share of scenes with a pair in contact.
        companions: Weight of each number of further persons (of persons in all, where there is no pair).
        overlap: Weight of each range of MaxIoU that a pair is placed for, as ``((low, high), weight)``.
        spacing: Least distance of persons who are no pair, in picture widths of their bodies (1 = boxes just touch).
        stature: Standing height of an adult, in picture heights.
        children: Share of children.
        camera_height: Camera's elevation, radians.
        patterned, dull, carrying: Share of patterned clothes; how near their colours are to the background's; share of
            people with a bag or board in a hand.
        clutter, distractors, contrast: Objects in the background (1 = usual), upright person-coloured things, texture.
        pan, jitter, roll, zoom: Camera: slow drift and shake in picture heights, roll in radians, zoom by this share.
        poles, counters: Chance of a standing occluder of each kind.
        passing, covering: Things that cross close to the lens, or come before it and leave, per second.
        shake_blur, shake_length: Chance of a blurred frame, and the blur's length in picture heights.
        defocus, defocus_radius: Chance of a frame out of focus, and the blur's radius in picture heights.
        flash, gloom: Chance that a frame is over-exposed, or nearly dark.
        light: How far brightness, contrast and tint of a whole clip may be off, 0 to 1.
        dropout: Chance that a frame lost blocks in transmission.
        noise: Sensor noise, standard deviation in grey levels.
    """

    motions: Mapping[str, float]
    pairs: Mapping[str, float]
    pair_share: float
    companions: Mapping[int, float]
    overlap: tuple[tuple[Range, float], ...]
    spacing: float
    stature: Range
    children: float
    camera_height: Range
    patterned: float
    dull: float
    carrying: float
    clutter: float
    distractors: Range
    contrast: float
    pan: float
    jitter: float
    roll: float
    zoom: float
    poles: float
    counters: float
    passing: float
    covering: float
    shake_blur: float
    shake_length: Range
    defocus: float
    defocus_radius: Range
    flash: float
    gloom: float
    light: float
    dropout: float
    noise: float

    def __post_init__(self) -> None:
        for name, known in (("motions", SOLO), ("pairs", PAIRS)):
            unknown = sorted(set(getattr(self, name)) - set(known))
            if unknown:
                raise ValueError(f"knob {name!r}: unknown motion {unknown[0]!r}; known are {sorted(known)}")

    def turned(self, changes: Mapping[str, Any] | None) -> "DomainKnobs":
        """These knobs with some of them changed.

        Raises:
            ValueError: If ``changes`` names a knob that does not exist.
        """
        names = [knob.name for knob in fields(self)]
        for name in changes or {}:
            if name not in names:
                raise ValueError(f"unknown knob {name!r}; the knobs are {', '.join(names)}")
        return replace(self, **(changes or {}))


SOURCE = DomainKnobs(
    motions={"stand": 5.0, "walk": 4.0, "wave": 2.0},
    pairs={"couple": 1.0},
    pair_share=0.06,
    companions={1: 0.45, 2: 0.4, 3: 0.15},
    overlap=(((0.05, 0.4), 1.0),),
    spacing=1.0,
    stature=(0.55, 0.85),
    children=0.08,
    camera_height=(0.04, 0.14),
    patterned=0.35,
    dull=0.0,
    carrying=0.05,
    clutter=0.8,
    distractors=(0, 1),
    contrast=0.45,
    pan=0.02,
    jitter=0.002,
    roll=0.01,
    zoom=0.02,
    poles=0.04,
    counters=0.0,
    passing=0.0,
    covering=0.0,
    shake_blur=0.0,
    shake_length=(0.02, 0.04),
    defocus=0.0,
    defocus_radius=(0.01, 0.02),
    flash=0.0,
    gloom=0.0,
    light=0.15,
    dropout=0.0,
    noise=2.0,
)
"""Mild poses, upright, few people who stand apart, clean pictures: the photographs that labelled data is made of."""

TARGET = DomainKnobs(
    motions={"dance": 3.0, "run": 1.5, "jump": 1.5, "crouch": 1.2, "tumble": 0.4, "wave": 0.7, "walk": 1.0},
    pairs={"fight": 2.0, "hug": 2.0, "couple": 1.5},
    pair_share=0.85,
    companions={0: 0.5, 1: 0.35, 2: 0.15},
    overlap=(((0.25, 0.5), 0.8), ((0.52, 0.75), 2.2), ((0.77, 0.97), 1.8)),
    spacing=0.55,
    stature=(0.62, 1.0),
    children=0.1,
    camera_height=(0.04, 0.3),
    patterned=0.6,
    dull=0.25,
    carrying=0.15,
    clutter=1.2,
    distractors=(0, 2),
    contrast=0.65,
    pan=0.05,
    jitter=0.006,
    roll=0.04,
    zoom=0.06,
    poles=0.2,
    counters=0.06,
    passing=0.2,
    covering=0.25,
    shake_blur=0.14,
    shake_length=(0.03, 0.09),
    defocus=0.06,
    defocus_radius=(0.01, 0.022),
    flash=0.03,
    gloom=0.05,
    light=0.35,
    dropout=0.03,
    noise=4.0,
)
"""New poses, heavy overlap, and pictures that fail from frame to frame."""

DOMAINS: dict[str, DomainKnobs] = {"source": SOURCE, "target": TARGET}


def domain_knobs(domain: str, changes: Mapping[str, Any] | None = None) -> DomainKnobs:
    """Knobs of a domain, some of them changed.

    Raises:
        ValueError: If the domain or a knob is unknown.
    """
    if domain not in DOMAINS:
        raise ValueError(f"unknown domain {domain!r}; known are {sorted(DOMAINS)}")
    return DOMAINS[domain].turned(changes)
