"""What people do: functions of time that give joint angles, smooth and set by a stream of random numbers.

Every motion takes ``times (F,)`` in seconds and a :class:`Stream`, and returns the pose at those times (each angle a
scalar or ``(F,)``) and how far the person has gone in its facing direction, in statures. Motions of one person are in
``SOLO``; those of two, who face each other, in ``PAIRS``, one function per role.
"""

from collections.abc import Callable

import numpy as np

from mmselfhuman.datasets.synthetic.kinematics import Pose
from mmselfhuman.datasets.synthetic.randomness import Stream

Motion = Callable[[np.ndarray, Stream], tuple[Pose, np.ndarray | float]]

_TURN = 2.0 * np.pi


def _bump(wave: np.ndarray) -> np.ndarray:
    """The positive part of a wave, smoothed at its foot."""
    return 0.5 * (wave + np.sqrt(wave * wave + 0.01))


def _glance(times: np.ndarray, rng: Stream, reach: float = 0.5) -> dict[str, np.ndarray]:
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
        **_glance(times, rng),
    )
    return pose, 0.0


def wave(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Stand and wave with one arm (now and then both)."""
    pose, _ = stand(times, rng.child("base"))
    both, first = rng.chance(0.25), rng.integer(2)
    beat = np.sin(_TURN * (rng.uniform(1.1, 1.9) * times + rng.uniform()))
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
    phase = _TURN * (cadence * times + rng.uniform())
    swing = np.sin(phase)
    knee = [0.12 + knees * _bump(sign * np.cos(phase)) for sign in (1, -1)]
    return Pose(
        spine_pitch=lean,
        spine_twist=-0.18 * swing * stride / 0.45,
        roll=0.02 * np.cos(phase),
        arm_swing=(-stride * 0.95 * swing - 0.05, stride * 0.95 * swing - 0.05),
        arm_spread=(0.12, 0.12),
        elbow=(elbow + 0.25 * _bump(-swing), elbow + 0.25 * _bump(swing)),
        elbow_in=(0.25, 0.25),
        leg_swing=(
            stride * swing + 0.4 * knees * _bump(np.cos(phase)),
            -stride * swing + 0.4 * knees * _bump(-np.cos(phase)),
        ),
        leg_spread=(0.03, 0.03),
        knee=(knee[0], knee[1]),
        ankle=(0.15 * _bump(-swing), 0.15 * _bump(swing)),
        lift=0.0,
        **_glance(times, rng, 0.35),
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
    pose.lift = 0.03 + 0.03 * np.cos(2.0 * _TURN * cadence * times)
    return pose, 2.0 * cadence * stride * times


def jump(times: np.ndarray, rng: Stream) -> tuple[Pose, float]:
    """Jump on the spot, or jumping jacks: crouch, flight with arms thrown up, landing."""
    jacks = rng.chance(0.4)
    cycle = rng.uniform(0.7, 1.0) * times + rng.uniform()
    swing = np.sin(_TURN * cycle)
    flight, crouch = _bump(swing), _bump(-swing)
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
        **_glance(times, rng, 0.25),
    )
    return pose, 0.0


def dance(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Dance: every joint follows its own smooth course, on a common beat, and the body turns."""
    beat = rng.uniform(0.9, 1.5)
    hop = np.sin(_TURN * (beat * times + rng.uniform()))

    def course(name: str, low: float, high: float, period: float = 0.55) -> np.ndarray:
        return low + (high - low) * (0.5 + 0.5 * rng.child(name).wander(times, period))

    def both(name: str, low: float, high: float, period: float = 0.55) -> tuple[np.ndarray, np.ndarray]:
        return course(name + "left", low, high, period), course(name + "right", low, high, period)

    dip = 0.15 + 0.25 * _bump(hop)
    legs, knees, spread = both("leg", -0.35, 0.9), both("knee", 0.0, 1.1), both("spread", 0.1, 2.4)
    pose = Pose(
        yaw=2.2 * rng.child("turn").wander(times, 1.6),
        pitch=0.2 * rng.child("fall").wander(times, 1.0),
        roll=0.3 * rng.child("lean").wander(times, 0.8),
        lift=0.03 * _bump(-hop),
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
        **_glance(times, rng, 0.8),
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
        **_glance(times, rng, 0.5),
    )
    return pose, 0.0


def tumble(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """A cartwheel, over and over."""
    turn = rng.uniform(0.35, 0.6) * times + rng.uniform()
    waver = rng.child("waver").wander(times, 0.6)
    pose = Pose(
        roll=rng.sign() * _TURN * turn,
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


def fight(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Box and kick from a guard, stepping in and out."""
    rate = rng.uniform(0.8, 1.3)
    phase = rate * times + rng.uniform()
    left, right = _bump(np.sin(_TURN * phase)) ** 2, _bump(-np.sin(_TURN * phase)) ** 2
    kick = _bump(rng.child("kick").wander(times, 0.7) - 0.45) * 1.8
    bounce = 0.06 * np.sin(_TURN * 1.7 * times)
    pose = Pose(
        yaw=-0.5 + 0.5 * (right - left),
        roll=-0.3 * kick,
        pitch=-0.12 * kick,
        spine_pitch=0.25 + 0.2 * rng.child("duck").wander(times, 0.5),
        spine_twist=0.45 * (right - left),
        arm_swing=(0.55 + 0.95 * left, 0.5 + 1.0 * right),
        arm_spread=(0.2, 0.25),
        elbow=(2.0 - 1.8 * left, 2.1 - 1.9 * right),
        elbow_in=(0.35, 0.4),
        leg_swing=(0.5 + bounce, -0.25 + bounce + 1.75 * kick),
        leg_spread=(0.12, 0.18),
        knee=(0.6 + bounce, 0.5 + 0.3 * kick * (1.0 - kick)),
        ankle=(0.0, 0.4),
        head_pitch=0.15,
        head_yaw=0.4,
    )
    return pose, 0.06 * rng.child("step").wander(times, 0.6) + 0.06 * (left + right)


def hug(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Hold each other: arms around the other's shoulders or waist, swaying together."""
    sway = rng.child("sway").wander(times, 0.9)
    high = rng.uniform(0.9, 1.6)
    low = rng.uniform(0.8, 1.3)
    pat = 0.12 * np.sin(_TURN * rng.uniform(0.8, 1.6) * times)
    pose = Pose(
        yaw=0.12 * sway,
        roll=0.05 * sway,
        spine_pitch=rng.uniform(0.08, 0.25),
        spine_roll=0.08 * sway,
        arm_swing=(high, low),
        arm_spread=(0.3, 0.3),
        elbow=(0.9 + pat, 0.85),
        elbow_in=(1.35, 1.35),
        leg_swing=(0.08 + 0.06 * sway, 0.05 - 0.06 * sway),
        knee=(0.12, 0.14),
        leg_spread=(0.07, 0.07),
        head_yaw=rng.sign() * 0.5,
        head_pitch=0.2,
        head_roll=rng.uniform(-0.3, 0.3),
    )
    return pose, 0.02 * sway


def lead(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """One half of a dancing couple: hold and sway, stepping."""
    step = np.sin(_TURN * rng.uniform(0.5, 0.8) * times)
    sway = rng.child("sway").wander(times, 0.8)
    pose = Pose(
        yaw=0.15 * sway,
        roll=0.1 * sway,
        spine_roll=0.15 * sway,
        spine_twist=0.2 * step,
        arm_swing=(0.5, 0.9),
        arm_spread=(1.2 + 0.2 * sway, 0.35),
        elbow=(0.6, 1.0),
        elbow_in=(0.3, 1.2),
        leg_swing=(0.1 + 0.35 * step, 0.1 - 0.35 * step),
        knee=(0.25 + 0.3 * _bump(-step), 0.25 + 0.3 * _bump(step)),
        leg_spread=(0.08, 0.08),
        **_glance(times, rng, 0.3),
    )
    return pose, 0.04 * sway


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

PAIRS: dict[str, Motion] = {"fight": fight, "hug": hug, "couple": lead}
