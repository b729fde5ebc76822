"""What the ledger knows, as a report."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mmselfhuman.engine.self_training.ledger import Ledger, Result
from mmselfhuman.engine.self_training.plan import GIVEN, Plan
from mmselfhuman.pseudo_labels.files import replacing
from mmselfhuman.visualization.report import report_html, report_markdown


def write_reports(plan: Plan, ledger: Ledger) -> None:
    """Write ``report.json``, ``report.md`` and ``report.html`` into the work dir, each atomically.

    Raises:
        OSError: One cannot be written.
    """
    content = report_content(plan, ledger)
    pictures = {
        number: ledger.work_dir / path
        for number, path in content["pictures"].items()
        if (ledger.work_dir / path).is_file()
    }
    for name, text in (
        ("report.json", json.dumps(content, indent=1) + "\n"),
        ("report.md", report_markdown(content)),
        ("report.html", report_html(content, pictures)),
    ):
        with replacing(ledger.work_dir / name) as file:
            file.write(text.encode())


def report_content(plan: Plan, ledger: Ledger) -> dict[str, Any]:
    """All that the report says, as plain values that JSON knows; see :mod:`mmselfhuman.visualization.report`."""
    results = {stage.name: ledger.result(stage.name) for stage in plan.stages}
    rounds = [_round(number, plan, results) for number in range(plan.rounds + 1)]
    export = ledger.result("export")
    return {
        "title": ledger.work_dir.name,
        "finished": export is not None,
        "best": None if export is None else export.facts["round"],
        "given": [
            {"name": name, "metrics": {stage.settings["network"]: results[stage.name].metrics}}
            for stage in plan.stages
            if (name := GIVEN.get(stage.name)) and results[stage.name] is not None
        ],
        "rounds": [facts for facts in rounds if facts["metrics"] or facts["signals"]],
        "stages": [_stage(stage.name, stage.kind, stage.round, results[stage.name]) for stage in plan.stages],
        "sessions": ledger.sessions,
        "overhead": overhead(ledger, [result for result in results.values() if result is not None]),
        "pictures": {
            str(stage.round): results[stage.name].outputs["pictures"]
            for stage in plan.stages
            if results[stage.name] is not None and "pictures" in results[stage.name].outputs
        },
        "failures": _failures(ledger, results),
        "export": {} if export is None else export.outputs,
    }


def overhead(ledger: Ledger, results: list[Result]) -> dict[str, float]:
    """Seconds of all commands, those of them at networks and labels, and the share that is neither.

    A stage that was interrupted says what it has done from where it was taken up again: the seconds before count apart.
    """
    interrupted = sum(session.get("interrupted", 0.0) for session in ledger.sessions)
    total = sum(session["seconds"] for session in ledger.sessions) - interrupted
    between = max(0.0, total - _covered(results))
    within = sum(result.seconds - result.busy for result in results)
    return {
        "busy": round(max(0.0, total - between - within), 1),
        "total": round(total, 1),
        "interrupted": round(interrupted, 1),
        "share": round(min(1.0, (between + within) / total), 4) if total else 0,
    }


def _covered(results: Iterable[Result]) -> float:
    """Seconds in which at least one stage was at work."""
    covered, end = 0.0, 0.0
    for start, seconds in sorted((result.started, result.seconds) for result in results):
        covered += max(0.0, start + seconds - max(start, end))
        end = max(end, start + seconds)
    return covered


def _round(number: int, plan: Plan, results: Mapping[str, Result | None]) -> dict[str, Any]:
    metrics, signals, verdict = {}, {}, None
    for stage in plan.of_round(number):
        result = results[stage.name]
        if result is None or stage.name in GIVEN:
            continue
        if stage.kind == "test":
            metrics[stage.settings["network"]] = result.metrics
        elif stage.kind == "verdict":
            verdict = result.facts["verdict"]
        elif stage.kind == "label":
            signals = {name: value for name, value in (result.facts.get("signals") or {}).items() if value is not None}
            if not number:  # made of predictions, which no network agrees or disagrees with
                signals.pop("network", None)
    if number == 0 and not signals:
        first = next((result for name, result in results.items() if name == "round1.tpr" and result is not None), None)
        signals = {name: value for name, value in _first_signals(first).items() if value is not None}
    return {"round": number, "metrics": metrics, "signals": signals, "verdict": verdict}


def _first_signals(result: Result | None) -> dict[str, float | None]:
    rounds = [] if result is None else result.facts.get("rounds") or []
    return rounds[0] if rounds else {}


def _stage(name: str, kind: str, number: int, result: Result | None) -> dict[str, Any]:
    known = {"name": name, "kind": kind, "round": number, "done": result is not None}
    return (
        known
        if result is None
        else {**known, "seconds": result.seconds, "busy": result.busy, "started": result.started}
    )


def _failures(ledger: Ledger, results: Mapping[str, Result | None]) -> list[str]:
    found = [session["failure"] for session in ledger.sessions if session["failure"]]
    for name, result in results.items():
        if result is None:
            continue
        if "collapsed" in result.facts:
            found.append(f"{name}: {result.facts['collapsed']}")
        if "note" in result.facts:
            found.append(f"{name}: {result.facts['note']}")
        for key in ("skipped", "skipped_clips"):
            found += [
                f"{name}: clip {clip} was skipped: {reason}" for clip, reason in (result.facts.get(key) or {}).items()
            ]
        damaged = result.facts.get("damaged_frames") or {}
        found += [f"{name}: {count} frames of clip {clip} could not be decoded" for clip, count in damaged.items()]
    return found
