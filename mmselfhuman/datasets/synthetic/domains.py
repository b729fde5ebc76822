"""The two domains of the synthetic world and the knobs that set them apart."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DomainKnobs:
    """What may happen in a domain. To be filled with documented knobs."""
