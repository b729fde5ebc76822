"""GBSR: graph-based skeleton refinement, section 3.2 of the paper."""
