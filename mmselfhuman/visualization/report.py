"""The report of a loop of rounds: as Markdown, and as one HTML file that needs nothing beside it.

Both take the same plain values:

.. code-block:: none

    title, finished, best                     name of the run; whether it is over; which round's networks were kept
    given      [{name, metrics}]              what was there before round 0, if that began from predictions on disk
    rounds     [{round, metrics: {network: {name: value}}, signals: {name: value}, verdict: {reasons, stop, ...}}]
    stages     [{name, kind, round, done, seconds, busy, started}]
    sessions   [{command, started, seconds, interrupted, versions, failure}]
    overhead   {busy, total, interrupted, share}
    failures   [text]
    export     {what: path}
"""

import base64
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mmselfhuman.visualization.report_curves import curves

_MAIN = ("IoU_person", "J", "AP", "keypoints_AP", "segm_AP", "segm_AP_M", "segm_AP_H", "segm_AP_L")
_MAIN_IF_ALONE = ("mIoU", "segm_given_keypoints_AP")
"""The metrics that stand in the table; the others are in the JSON report."""
_BY_VIDEO = "J_"
"""Begins the names of metrics that have a table of their own, a video each."""

SIGNALS: dict[str, str] = {
    "network": "agreement of final labels and Seg Module (IoU)",
    "previous": "agreement with the labels of the round before (IoU)",
    "pose2seg": "agreement of TPR and Pose2Seg (IoU)",
    "stability": "temporal stability",
    "foreground": "share of foreground",
    "ignored": "share of ignored pixels",
    "empty": "share of frames without anybody",
    "unreliable": "share of flow vectors that link different labels",
}
_UNITS = "Average precision (AP), IoU and J are in percent."
_WHICH_LABELS = "Round 0 is what TPR made of {}; later rounds are final labels. Decisions compare only what is alike."
_SHARES = ("network", "previous", "pose2seg", "stability"), ("foreground", "ignored", "empty", "unreliable")

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#777}
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}tr.best td{font-weight:600}
.curves{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}figcaption{font-size:.85rem;color:var(--dim)}
svg text{font-size:11px;fill:currentColor}img{max-width:100%;image-rendering:auto}
code,pre{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.state{color:var(--dim)}.bad{color:#b3261e}
"""


def report_markdown(content: Mapping[str, Any]) -> str:
    """The report as Markdown.

    Args:
        content: See the module.
    """
    parts = [f"# {content['title']}", state(content), "## Rounds", _markdown_table(metric_rows(content)), _UNITS]
    videos = video_rows(content)
    parts += ["## By video", _markdown_table(videos)] if len(videos) > 1 else []
    parts += ["## Label quality, without ground truth", _markdown_table(signal_rows(content)), which_labels(content)]
    parts += ["## Decisions", *[f"* {text}" for text in decisions(content)]]
    if content["failures"]:
        parts += ["## Failures", *[f"* {text}" for text in content["failures"]]]
    parts += ["## Stages", _markdown_table(stage_rows(content)), overhead_line(content)]
    if content["export"]:
        parts += ["## Results", *[f"* {what}: `{path}`" for what, path in content["export"].items()]]
    parts += ["## Commands", *[f"* `{command}`" for command in commands(content)], versions_line(content)]
    return "\n\n".join(part for part in _joined(parts) if part) + "\n"


def report_html(content: Mapping[str, Any], pictures: Mapping[str, Path]) -> str:
    """The report as one HTML file.

    Args:
        content: See the module.
        pictures: PNG files by the number of their round; they are put into the text.
    """
    videos = video_rows(content)
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width,initial-scale=1">',
        f"<title>{escape(content['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(content['title'])}</h1><p class=state>{escape(state(content))}</p>",
        _section(
            "Rounds",
            _html_table(metric_rows(content), content["best"]),
            f"<p class=state>{_UNITS}</p>",
            _metric_curves(content),
        ),
        _section("By video", _html_table(videos, None)) if len(videos) > 1 else "",
        _section(
            "Label quality, without ground truth",
            _html_table(signal_rows(content), content["best"]),
            f"<p class=state>{which_labels(content)}</p>",
            _signal_curves(content),
        ),
        _section("Decisions", _list(decisions(content))),
    ]
    if content["failures"]:
        parts.append(
            _section("Failures", "".join(f"<pre class=bad>{escape(text)}</pre>" for text in content["failures"]))
        )
    for number, path in sorted(pictures.items(), key=lambda item: int(item[0])):
        data = base64.b64encode(path.read_bytes()).decode()
        picture = f'<img alt="frames before and after round {number}" src="data:image/png;base64,{data}">'
        caption = "Image, labels before, labels after; the frames that changed most come first."
        parts.append(
            _section(f"Changed most in round {number}", f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
        )
    if content["export"]:
        parts.append(_section("Results", _list(f"{what}: {path}" for what, path in content["export"].items())))
    parts += [
        _section("Stages", _html_table(stage_rows(content), None), f"<p>{escape(overhead_line(content))}</p>"),
        _section(
            "Commands and versions",
            "".join(f"<pre>{escape(command)}</pre>" for command in commands(content)),
            f"<p class=state>{escape(versions_line(content))}</p>",
        ),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def metric_rows(content: Mapping[str, Any]) -> list[list[str]]:
    """A heading and a row per round: the main metrics of every network. What was given comes first, and what the best
    round has gained over round 0, relative, last."""
    names = metric_names(content)
    if not names:
        return [["round", "metrics"], *([label, "not tested"] for label, _ in _measured(content))]
    rows = [["round", *(f"{network} {heading(network, name, names)}" for network, name in names)]]
    for label, metrics in _measured(content):
        rows.append([label, *(_metric(name, metrics.get(network, {}).get(name)) for network, name in names)])
    by_round = {facts["round"]: facts["metrics"] for facts in content["rounds"]}
    before, best = by_round.get(0), by_round.get(content["best"])
    if content["best"] and before and best:
        changes = [
            _change(*(metrics.get(network, {}).get(name) for metrics in (before, best))) for network, name in names
        ]
        rows.append([f"{content['best']} against 0", *changes])
    return rows


def video_rows(content: Mapping[str, Any]) -> list[list[str]]:
    """A heading and a row per video: what a network's metrics say of each, by round."""
    measured = _measured(content)
    found = dict.fromkeys(
        (network, name)
        for _, metrics in measured
        for network, values in metrics.items()
        for name in values
        if name.rpartition("/")[2].startswith(_BY_VIDEO)
    )
    rows = [["video", *(label for label, _ in measured)]]
    for network, name in found:
        prefix, _, plain = name.rpartition("/")
        label = f"{plain.removeprefix(_BY_VIDEO)}: {network} {prefix and prefix + '/'}{_BY_VIDEO[:-1]}"
        rows.append([label, *(_metric(name, metrics.get(network, {}).get(name)) for _, metrics in measured)])
    return rows


def metric_names(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Network and name of the metrics that stand in the table, in the order in which the tests gave them."""
    found: dict[tuple[str, str], None] = {}
    for _, measured in _measured(content):
        for network, metrics in measured.items():
            for chosen in (_MAIN, _MAIN_IF_ALONE):
                main = [name for name in metrics if name.rpartition("/")[2] in chosen]
                if main:
                    break
            found |= dict.fromkeys((network, name) for name in main or list(metrics)[:4])
    return list(found)


def heading(network: str, name: str, names: Sequence[tuple[str, str]]) -> str:
    """The short name of a metric, or the whole one where the short one could be another's of the same network."""
    alike = sum(other == network and short(shown) == short(name) for other, shown in names)
    return short(name) if alike < 2 else name


def short(name: str) -> str:
    """A metric's name for a heading: ``'ochuman/segm_AP_H'`` is ``'AP_H'``."""
    name = name.rpartition("/")[2]
    given = name.startswith("segm_given_keypoints_")
    name = name.removeprefix("segm_given_keypoints_").removeprefix("segm_").replace("keypoints_", "keypoint ")
    return f"{name} (poses given)" if given else name


def signal_rows(content: Mapping[str, Any]) -> list[list[str]]:
    """A heading and a row per round: the signals of its labels."""
    names = [name for name in SIGNALS if any(name in facts["signals"] for facts in content["rounds"])]
    rows = [["round", *(SIGNALS[name] for name in names)]]
    return rows + [
        [_round_name(facts["round"]), *(_number(facts["signals"].get(name)) for name in names)]
        for facts in content["rounds"]
        if facts["signals"]
    ]


def which_labels(content: Mapping[str, Any]) -> str:
    """What the rows of :func:`signal_rows` are of."""
    return _WHICH_LABELS.format("the predictions" if content.get("given") else "the first Seg Module's masks")


def stage_rows(content: Mapping[str, Any]) -> list[list[str]]:
    """A heading and a row per stage."""
    rows = [["stage", "began", "seconds", "of them at networks and labels"]]
    for stage in content["stages"]:
        if stage["done"]:
            rows.append([stage["name"], _time(stage["started"]), f"{stage['seconds']:.1f}", f"{stage['busy']:.1f}"])
    return rows


def decisions(content: Mapping[str, Any]) -> list[str]:
    """What was decided after every round, and why."""
    found = []
    for facts in content["rounds"]:
        verdict = facts["verdict"]
        if verdict is None:
            continue
        what = "converged" if verdict["converged"] else "stopped" if verdict["stop"] else "on"
        reasons = "; ".join(verdict["reasons"]) or "no worse than before"
        found.append(f"after round {facts['round']}: {what}, best is round {verdict['best']} ({reasons})")
    return found or ["no round is over yet"]


def state(content: Mapping[str, Any]) -> str:
    """How far the run has come, in a sentence."""
    done = sum(stage["done"] for stage in content["stages"])
    if content["finished"]:
        return f"Finished; the networks of round {content['best']} were kept."
    return f"{done} of at most {len(content['stages'])} stages are done; written {_time(time.time())}."


def overhead_line(content: Mapping[str, Any]) -> str:
    """What the loop itself cost."""
    busy, total, interrupted, share = (content["overhead"][name] for name in ("busy", "total", "interrupted", "share"))
    more = f" {interrupted:.0f} s more went into stages that were interrupted." if interrupted else ""
    return (
        f"{total:.0f} s in all, {busy:.0f} s of them at training, testing and labelling; overhead of the loop "
        f"{share:.1%} (processes, building of networks and data, reports).{more}"
    )


def commands(content: Mapping[str, Any]) -> list[str]:
    """The commands that were given, each once, in order."""
    return list(dict.fromkeys(session["command"] for session in content["sessions"]))


def versions_line(content: Mapping[str, Any]) -> str:
    """What the last command ran with."""
    if not content["sessions"]:
        return ""
    return ", ".join(f"{name} {number}" for name, number in content["sessions"][-1]["versions"].items())


def _metric_curves(content: Mapping[str, Any]) -> str:
    by_network: dict[str, dict[str, list[tuple[float, float]]]] = {}
    names = metric_names(content)
    for network, name in names:
        points = [
            (facts["round"], _factor(name) * facts["metrics"][network][name])
            for facts in content["rounds"]
            if facts["metrics"].get(network, {}).get(name) is not None
        ]
        by_network.setdefault(network, {})[heading(network, name, names)] = points
    return _figures((f"{network}, by round", series) for network, series in by_network.items())


def _signal_curves(content: Mapping[str, Any]) -> str:
    def series(names: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
        rounds = [facts for facts in content["rounds"] if facts["signals"]]
        return {n: [(f["round"], f["signals"][n]) for f in rounds if f["signals"].get(n) is not None] for n in names}

    return _figures(zip(("what should not fall", "what should not run away"), map(series, _SHARES), strict=True))


def _figures(drawn: Any) -> str:
    figures = [(title, curves(series, title)) for title, series in drawn]
    inner = "".join(f"<figure>{svg}<figcaption>{escape(title)}</figcaption></figure>" for title, svg in figures if svg)
    return f"<div class=curves>{inner}</div>" if inner else ""


def _section(title: str, *parts: str) -> str:
    return f"<h2>{escape(title)}</h2>" + "".join(parts)


def _list(items: Any) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _html_table(rows: Sequence[Sequence[str]], best: int | None) -> str:
    if len(rows) < 2:
        return "<p class=state>Nothing yet.</p>"
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    lines = []
    for row in rows[1:]:
        mark = " class=best" if best is not None and row[0] == _round_name(best) else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f"<div class=wide><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    if len(rows) < 2:
        return "Nothing yet."
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" + "|---:" * (len(rows[0]) - 1) + "|", *lines[1:]])


def _joined(parts: Sequence[str]) -> list[str]:
    """Items of one list without an empty line between them."""
    joined: list[str] = []
    for part in parts:
        if joined and part.startswith("* ") and joined[-1].startswith("* "):
            joined[-1] += f"\n{part}"
        else:
            joined.append(part)
    return joined


def _measured(content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Mapping[str, float | None]]]]:
    """What was measured, by network and metric, of what was given and of every round, with a label each."""
    given = [(facts["name"], facts["metrics"]) for facts in content.get("given", ())]
    return given + [(_round_name(facts["round"]), facts["metrics"]) for facts in content["rounds"]]


def _round_name(number: int) -> str:
    return "0 (before)" if number == 0 else str(number)


def _factor(name: str) -> float:
    """To percent: COCO's average precisions are shares of one, mmseg's metrics and ours are percentages."""
    return 100.0 if "AP" in name.rpartition("/")[2] else 1.0


def _metric(name: str, value: float | None) -> str:
    return "-" if value is None else f"{_factor(name) * value:.2f}"


def _change(before: float | None, after: float | None) -> str:
    return "-" if after is None or not before else f"{after / before - 1:+.0%}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}"


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
