"""What single people do: functions of time that give joint angles, smooth and set by a stream of random numbers.

Every motion takes ``times (F,)`` in seconds and a :class:`Stream`, and returns the pose at those times (each angle a
scalar or ``(F,)``) and how far the person has gone in its facing direction, in statures.
"""

from collections.abc import Callable

import numpy as np

from mmselfhuman.datasets.synthetic.kinematics import Pose
from mmselfhuman.datasets.synthetic.randomness import Stream

Motion = Callable[[np.ndarray, Stream], tuple[Pose, np.ndarray | float]]

TURN = 2.0 * np.pi


def bump(wave: np.ndarray) -> np.ndarray:
    """The positive part of a wave, smoothed at its foot."""
    return 0.5 * (wave + np.sqrt(wave * wave + 0.01))


def glance(times: np.ndarray, rng: Stream, reach: float = 0.5) -> dict[str, np.ndarray]:
    """A head that looks around."""
    return {
        "head_yaw": reach * rng.child("look").wander(times, 1.3),
        "head_pitch": 0.12 + 0.18 * rng.child("nod").wander(times, 1.1),
        "head_roll": 0.1 * rng.child("tilt").wander(times, 1.7),
    }


def stand(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Stand at ease: arms hanging, on the hips, folded, in front of the chest (a phone), or talking with the hands."""
    style = rng.choice(("hang", "hang", "hips", "folded", "phone", "talk"))
    sway = 0.04 * rng.child("sway").wander(times, 1.5)
    weight = rng.uniform(-0.07, 0.07)
    arms: dict[str, tuple] = {}
    if style == "hips":
        arms = {"arm_swing": (-0.35, -0.35), "arm_spread": (0.75, 0.7), "elbow": (1.75, 1.7), "elbow_in": (1.15, 1.15)}
    elif style == "folded":
        arms = {"arm_swing": (0.55, 0.5), "arm_spread": (0.12, 0.1), "elbow": (1.75, 1.65), "elbow_in": (1.0, 1.05)}
    elif style == "phone":
        lift = 0.1 * rng.child("phone").wander(times, 0.8)
        arms = {
            "arm_swing": (0.5 + lift, 0.1),
            "arm_spread": (0.05, 0.12),
            "elbow": (1.8, 0.25),
            "elbow_in": (0.5, 0.3),
        }
    elif style == "talk":
        left, right = (rng.child("hand", side).wander(times, 0.45) for side in (0, 1))
        arms = {
            "arm_swing": (0.35 + 0.25 * left, 0.35 + 0.25 * right),
            "arm_spread": (0.2, 0.2),
            "elbow": (1.3 + 0.5 * right, 1.3 + 0.5 * left),
            "elbow_in": (0.35 + 0.3 * left, 0.35 + 0.3 * right),
        }
    else:
        arms = {"arm_swing": (0.05 + sway, 0.05 - sway), "arm_spread": (0.12, 0.13), "elbow": (0.2, 0.22)}
    stance = rng.uniform(0.05, 0.16)
    pose = Pose(
        spine_roll=weight + sway,
        spine_twist=0.15 * rng.child("twist").wander(times, 2.0),
        spine_pitch=0.03,
        roll=-0.5 * weight,
        leg_spread=(stance + 0.5 * weight, stance - 0.5 * weight),
        knee=(0.05 + max(weight, 0.0) * 3, 0.05 + max(-weight, 0.0) * 3),
        leg_swing=(0.03 + max(weight, 0.0) * 1.5, 0.03 + max(-weight, 0.0) * 1.5),
        **arms,
        **glance(times, rng),
    )
    return pose, 0.0


def wave(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Stand and wave with one arm (now and then both)."""
    pose, _ = stand(times, rng.child("base"))
    both, first = rng.chance(0.25), rng.integer(2)
    beat = np.sin(TURN * (rng.uniform(1.1, 1.9) * times + rng.uniform()))
    raised = rng.uniform(1.9, 2.6)
    settings = {
        "arm_swing": (0.15, (0.05, 0.05)),
        "arm_spread": (raised + 0.12 * beat, (0.14, 0.14)),
        "elbow": (0.7 + 0.5 * beat, (0.3, 0.3)),
        "elbow_in": (-1.35, (0.3, 0.3)),
    }
    for name, (waving, resting) in settings.items():
        setattr(pose, name, tuple(waving if both or side == first else resting[side] for side in (0, 1)))
    return pose, 0.0


def _gait(
    times: np.ndarray, rng: Stream, cadence: float, stride: float, knees: float, elbow: float, lean: float
) -> Pose:
    phase = TURN * (cadence * times + rng.uniform())
    swing = np.sin(phase)
    knee = [0.12 + knees * bump(sign * np.cos(phase)) for sign in (1, -1)]
    return Pose(
        spine_pitch=lean,
        spine_twist=-0.18 * swing * stride / 0.45,
        roll=0.02 * np.cos(phase),
        arm_swing=(-stride * 0.95 * swing - 0.05, stride * 0.95 * swing - 0.05),
        arm_spread=(0.12, 0.12),
        elbow=(elbow + 0.25 * bump(-swing), elbow + 0.25 * bump(swing)),
        elbow_in=(0.25, 0.25),
        leg_swing=(
            stride * swing + 0.4 * knees * bump(np.cos(phase)),
            -stride * swing + 0.4 * knees * bump(-np.cos(phase)),
        ),
        leg_spread=(0.03, 0.03),
        knee=(knee[0], knee[1]),
        ankle=(0.15 * bump(-swing), 0.15 * bump(swing)),
        lift=0.0,
        **glance(times, rng, 0.35),
    )


def walk(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Walk."""
    cadence, stride = rng.uniform(0.75, 1.05), rng.uniform(0.34, 0.48)
    pose = _gait(times, rng, cadence, stride, 0.7, rng.uniform(0.2, 0.5), 0.05)
    return pose, 1.7 * cadence * stride * times


def run(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Run: long strides, heels up, elbows bent, and a moment off the ground in each step."""
    cadence, stride = rng.uniform(1.3, 1.7), rng.uniform(0.6, 0.85)
    shift = rng.child("gait")
    pose = _gait(times, shift, cadence, stride, 1.5, 1.45, rng.uniform(0.15, 0.3))
    pose.lift = 0.03 + 0.03 * np.cos(2.0 * TURN * cadence * times)
    return pose, 0.9 * cadence * stride * times


def jump(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Jump on the spot, or jumping jacks: crouch, flight with arms thrown up, landing."""
    jacks = rng.chance(0.4)
    cycle = rng.uniform(0.7, 1.0) * times + rng.uniform()
    swing = np.sin(TURN * cycle)
    flight, crouch = bump(swing), bump(-swing)
    tuck = rng.uniform(0.2, 0.9)
    spread = rng.uniform(0.0, 0.5) + (0.5 if jacks else 0.0)
    up = rng.uniform(1.7, 2.7)
    bend = 0.15 + 0.75 * crouch + tuck * 0.6 * flight
    arm = up * flight - 0.5 * crouch
    sideways = up * flight if jacks else 0.2
    pose = Pose(
        lift=(0.1 if jacks else 0.22) * flight,
        spine_pitch=0.5 * crouch,
        arm_swing=(0.0, 0.0) if jacks else (arm, arm),
        arm_spread=(0.15 + sideways, 0.15 + sideways),
        elbow=(0.35, 0.35),
        elbow_in=(-1.0, -1.0) if jacks else (0.3, 0.3),
        leg_spread=(0.08 + spread * flight, 0.08 + spread * flight),
        leg_swing=(bend, 0.8 * bend),
        knee=(1.6 * bend, 1.7 * bend),
        ankle=(0.6 * flight, 0.6 * flight),
        **glance(times, rng, 0.25),
    )
    return pose, 0.0


def dance(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Dance: every joint follows its own smooth course, on a common beat, and the body turns."""
    beat = rng.uniform(0.9, 1.5)
    hop = np.sin(TURN * (beat * times + rng.uniform()))

    def course(name: str, low: float, high: float, period: float = 0.55) -> np.ndarray:
        return low + (high - low) * (0.5 + 0.5 * rng.child(name).wander(times, period))

    def both(name: str, low: float, high: float, period: float = 0.55) -> tuple[np.ndarray, np.ndarray]:
        return course(name + "left", low, high, period), course(name + "right", low, high, period)

    dip = 0.15 + 0.25 * bump(hop)
    legs, knees, spread = both("leg", -0.35, 0.9), both("knee", 0.0, 1.1), both("spread", 0.1, 2.4)
    pose = Pose(
        yaw=2.2 * rng.child("turn").wander(times, 1.6),
        pitch=0.2 * rng.child("fall").wander(times, 1.0),
        roll=0.3 * rng.child("lean").wander(times, 0.8),
        lift=0.03 * bump(-hop),
        spine_pitch=course("bend", -0.25, 0.55),
        spine_roll=course("side", -0.4, 0.4),
        spine_twist=course("twist", -0.5, 0.5),
        arm_swing=both("swing", -0.6, 1.6),
        arm_spread=spread,
        elbow=both("elbow", 0.1, 1.9),
        elbow_in=tuple(bend * (1.0 - wide / 1.2) for bend, wide in zip(both("in", 0.2, 1.4), spread, strict=True)),
        leg_swing=(legs[0] + dip, legs[1] + dip),
        leg_spread=both("out", 0.02, 0.6),
        knee=(knees[0] + 1.6 * dip, knees[1] + 1.6 * dip),
        ankle=both("toe", 0.0, 0.7),
        **glance(times, rng, 0.8),
    )
    return pose, 0.0


def crouch(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Squat, kneel or bend down to something on the ground."""
    style = rng.choice(("squat", "kneel", "reach"))
    ease = 0.06 * rng.child("ease").wander(times, 0.9)
    hands = rng.child("hands").wander(times, 0.6)
    if style == "squat":
        legs = {"leg_swing": (1.75 + ease, 1.65 + ease), "knee": (2.15 + ease, 2.1 + ease), "leg_spread": (0.35, 0.35)}
        spine = 0.55
    elif style == "kneel":
        legs = {"leg_swing": (1.45, -0.1 + ease), "knee": (1.5, 1.6), "ankle": (0.0, 0.8)}
        spine = 0.3
    else:
        legs = {"leg_swing": (0.75 + ease, 0.7 + ease), "knee": (0.5, 0.4), "leg_spread": (0.14, 0.14)}
        spine = 1.0
    pose = Pose(
        spine_pitch=spine + ease,
        spine_twist=0.3 * hands,
        arm_swing=(1.0 + 0.4 * hands, 1.1 - 0.4 * hands),
        arm_spread=(0.15, 0.15),
        elbow=(0.7 - 0.4 * hands, 0.6 + 0.4 * hands),
        **legs,
        **glance(times, rng, 0.5),
    )
    return pose, 0.0


def tumble(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """A cartwheel, over and over."""
    turn = rng.uniform(0.35, 0.6) * times + rng.uniform()
    waver = rng.child("waver").wander(times, 0.6)
    pose = Pose(
        roll=rng.sign() * TURN * turn,
        spine_roll=0.2 * waver,
        lift=0.02,
        arm_spread=(2.7, 2.7),
        arm_swing=(0.1, 0.1),
        elbow=(0.15 + 0.1 * waver, 0.15),
        elbow_in=(-1.2, -1.2),
        leg_spread=(0.75 + 0.2 * waver, 0.75),
        leg_swing=(0.1, 0.1),
        knee=(0.25, 0.2 + 0.15 * waver),
        ankle=(0.7, 0.7),
        head_pitch=-0.3,
    )
    return pose, 0.0


SOLO: dict[str, Motion] = {
    "stand": stand,
    "wave": wave,
    "walk": walk,
    "run": run,
    "jump": jump,
    "dance": dance,
    "crouch": crouch,
    "tumble": tumble,
}
"""Motions of one person by name."""
