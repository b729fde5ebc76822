"""Spoiling one value of what a JSON file holds."""


def broken(content, change):
    """The content after one change, given as a path of keys and the new value (``...`` deletes)."""
    *path, last, value = change
    entry = content
    for key in path:
        entry = entry[key]
    if value is ...:
        del entry[last]
    else:
        entry[last] = value
    return content


def paths_into(value, path=()):
    """The path to every value inside, of long lists only to the first three."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, item in inside:
        yield from paths_into(item, (*path, key))
