"""Which rank labels which clips."""

from collections.abc import Sequence


def shards(lengths: Sequence[int | None], ranks: int) -> list[list[int]]:
    """Deal out clips so that all ranks have about the same number of frames.

    The longest clip comes first, each to the rank that has the least so far.

    Args:
        lengths: Frames of each clip; ``None`` counts as the mean of those that are known.
        ranks: How many.

    Returns:
        For each rank, positions in ``lengths``, ascending.
    """
    known = [length for length in lengths if length is not None]
    mean = sum(known) / len(known) if known else 1
    frames = [mean if length is None else length for length in lengths]
    loads, dealt = [0.0] * ranks, [[] for _ in range(ranks)]
    for index in sorted(range(len(frames)), key=lambda place: -frames[place]):
        rank = loads.index(min(loads))
        loads[rank] += frames[index]
        dealt[rank].append(index)
    return [sorted(indices) for indices in dealt]
