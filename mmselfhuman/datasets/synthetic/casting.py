"""Who is in a scene, what they do and where they stand."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic.appearance import Build, Look, draw_build, draw_look
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.domains import DomainKnobs
from mmselfhuman.datasets.synthetic.figure import Figure, FigureMaker
from mmselfhuman.datasets.synthetic.kinematics import pose_skeleton, stack_poses
from mmselfhuman.datasets.synthetic.motions import SOLO, Motion
from mmselfhuman.datasets.synthetic.pair_motions import PAIRS
from mmselfhuman.datasets.synthetic.randomness import Stream

_APART = {"fight": (0.28, 0.55), "hug": (0.13, 0.2), "couple": (0.2, 0.42)}


@dataclass
class Actor:
    """A person of a scene.

    Attributes:
        build, look: The body and its clothes.
        motion, rng: What the person does, and the stream that sets how.
        yaw: Direction it faces, radians.
        x, z: Where it stands in the middle of the scene's time, in adult statures.
    """

    build: Build
    look: Look
    motion: Motion
    rng: Stream
    yaw: float
    x: float
    z: float


def cast(rng: Stream, knobs: DomainKnobs, camera: Camera, half_width: float, time: float) -> list[Actor]:
    """The persons of a scene.

    Args:
        rng: Stream of the scene.
        knobs: Of the domain.
        camera: At rest, one frame.
        half_width: Half the picture's width in adult statures.
        time: The moment at which a pair's overlap is placed.
    """
    actors: list[Actor] = []
    paired = rng.chance(knobs.pair_share)
    if paired:
        actors += _cast_pair(rng.child("pair"), knobs, camera, half_width, time)
    for number in range(rng.weighted(knobs.companions)):
        draw = rng.child("person", number)
        motion = SOLO[draw.weighted(knobs.motions)]
        x, z = _free_place(draw, knobs, actors, half_width)
        yaw = draw.choice((draw.bell(0.5), draw.sign() * np.pi / 2 + draw.bell(0.4), draw.uniform(-np.pi, np.pi)))
        actors.append(_actor(draw, knobs, motion, yaw, x, z))
    return actors or [_actor(rng.child("alone"), knobs, SOLO[rng.weighted(knobs.motions)], rng.bell(0.8), 0.0, 0.0)]


def _actor(rng: Stream, knobs: DomainKnobs, motion: Motion, yaw: float, x: float, z: float) -> Actor:
    build = draw_build(rng.child("build"), knobs.children)
    look = draw_look(rng.child("look"), knobs.patterned, knobs.dull, knobs.carrying)
    return Actor(build, look, motion, rng.child("motion"), float(yaw), float(x), float(z))


def _free_place(rng: Stream, knobs: DomainKnobs, actors: list[Actor], half_width: float) -> tuple[float, float]:
    """A place at least ``spacing`` bodies from the others, or the loneliest of some tries."""
    reach = max(half_width - 0.2, 0.05)
    best, best_room = (0.0, 0.0), -1.0
    for _ in range(12):
        x, z = rng.uniform(-reach, reach), rng.uniform(-1.2, 0.3)
        room = min((abs(x - other.x) for other in actors), default=9.0)
        if room > best_room:
            best, best_room = (x, z), room
        if room >= knobs.spacing * 0.5:
            break
    return best


def _cast_pair(rng: Stream, knobs: DomainKnobs, camera: Camera, half_width: float, time: float) -> list[Actor]:
    """Two who face each other, turned and spaced so that their boxes overlap as wished.

    Directions of the pair's axis and distances are tried; the one whose box IoU comes nearest to a wish drawn from
    ``knobs.overlap`` is taken.
    """
    name = rng.weighted(knobs.pairs)
    low_high = rng.weighted(dict(knobs.overlap))
    wish = rng.within(low_high)
    middle_x, middle_z = rng.uniform(-0.35, 0.35) * half_width, rng.uniform(-0.3, 0.3)
    couple = [_actor(rng.child(role), knobs, PAIRS[name], 0.0, 0.0, 0.0) for role in (0, 1)]
    if wish > 0.5:
        couple[1].build = Build(
            couple[0].build.stature * rng.uniform(0.94, 1.06),
            couple[1].build.girth,
            couple[0].build.head,
            couple[1].build.slim,
        )
    tries = 16
    turn = rng.uniform(0.0, 2.0 * np.pi)
    angles = turn + np.arange(tries) * (2.0 * np.pi * 5 / tries)
    nearest, farthest = _APART[name]
    apart = nearest + (farthest - nearest) * (np.arange(tries) + 0.5) / tries
    forward = np.stack([np.sin(angles), np.cos(angles)], -1)
    yaws = np.stack([angles, angles + np.pi], 1)
    places = np.array((middle_x, middle_z)) + 0.5 * apart[:, None, None] * np.stack([-forward, forward], 1)
    roots = np.stack([places[..., 0], np.zeros((tries, 2)), places[..., 1]], -1)
    figure = figures(couple, np.full(tries, time), camera_repeated(camera, tries), roots, yaws, time)
    overlap = _overlap(figure.joints, couple, camera.scale)
    best = int(np.argmin(np.floor(np.abs(overlap - wish) * 4096.0)))
    for role, actor in enumerate(couple):
        actor.yaw = float(yaws[best, role])
        actor.x, actor.z = (float(part) for part in places[best, role])
    return couple


def camera_repeated(camera: Camera, frames: int) -> Camera:
    """A still camera for several frames."""
    return Camera(
        camera.scale,
        camera.elevation,
        camera.distance,
        camera.anchor,
        np.repeat(camera.pan[:1], frames, 0),
        np.repeat(camera.roll[:1], frames),
        np.repeat(camera.zoom[:1], frames),
    )


def figures(
    actors: list[Actor], times: np.ndarray, camera: Camera, roots: np.ndarray, yaws: np.ndarray, middle: float
) -> Figure:
    """Pose the actors.

    Args:
        actors: P persons.
        times: ``(F,)`` seconds.
        camera: Of F frames.
        roots: ``(F, P, 3)`` where they stand at time ``middle``; those who travel are elsewhere at other times.
        yaws: ``(F, P)`` directions they face.
        middle: Seconds.
    """
    poses, travels = [], []
    for actor in actors:
        pose, travel = actor.motion(times, actor.rng.child())
        _, offset = actor.motion(np.array([middle]), actor.rng.child())
        travels.append(np.broadcast_to(travel - np.ravel(offset)[0], times.shape))
        poses.append(pose)
    pose = stack_poses(poses, len(times))
    stature, girth, head = (
        np.array([getattr(actor.build, name) for actor in actors]) for name in ("stature", "girth", "head")
    )
    travel = np.stack(travels, 1) * stature
    pose.yaw = pose.yaw + yaws
    roots = roots + np.stack([np.sin(yaws) * travel, np.zeros_like(travel), np.cos(yaws) * travel], -1)
    skeleton = pose_skeleton(pose, head)
    return FigureMaker(skeleton, camera, roots, stature, girth, head).figure


def _overlap(joints: np.ndarray, couple: list[Actor], scale: float) -> np.ndarray:
    """``(K,)`` estimated IoU of the two persons' boxes, from joints ``(K, 2, 17, 2)`` and the thickness of flesh."""
    margin = np.array([0.055 * actor.build.stature * scale for actor in couple])[:, None]
    low, high = joints.min(2) - margin, joints.max(2) + margin
    low[..., 1] -= margin[:, 0]
    inner = np.clip(np.minimum(high[:, 0], high[:, 1]) - np.maximum(low[:, 0], low[:, 1]), 0.0, None)
    area = (high - low).prod(-1)
    shared = inner.prod(-1)
    return shared / np.maximum(area.sum(1) - shared, 1e-6)
