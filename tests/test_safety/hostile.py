"""What a stranger may put where a value is expected."""

import copy
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e-300, 1e300]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), True, False]),
    st.integers(),
    st.floats(),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", "..", "/etc/passwd", "../a.png", "C:\\a.png", "a\0.png", "http://a/b.png", "\ud800", "0", "é"]
    ),
    st.text(max_size=8),
)
VALUES = st.one_of(
    st.none(),
    NUMBERS,
    TEXTS,
    st.lists(NUMBERS, max_size=8),
    st.recursive(
        st.one_of(st.none(), NUMBERS, TEXTS),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=6,
    ),
)


@contextmanager
def may_refuse(kind: type[Exception], *names: str) -> Iterator[None]:
    """Lets an error pass that is one of a kind and names what is wrong."""
    try:
        yield
    except kind as refusal:
        if not any(name in str(refusal) for name in names):
            raise AssertionError(f"does not name any of {names}: {refusal}") from refusal


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where a JSON document has values, the document itself left out."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def replaced(document: Any, place: tuple, value: Any) -> Any:
    """A copy of a JSON document with another value in one place."""
    document = copy.deepcopy(document)
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return document


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes cut off, changed, repeated or with others in between."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del changed[place:]
        elif kind == 1 and place < len(changed):
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            changed[place:place] = changed[place : place + chance.randint(1, 64)]
        else:
            changed[place:place] = chance.randbytes(chance.randint(1, 8))
    return bytes(changed)


def to_text(document: Any) -> str:
    """JSON, with what JSON does not know (NaN, halves of letters) as Python writes it."""
    return json.dumps(document)
