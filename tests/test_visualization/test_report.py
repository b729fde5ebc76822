"""Reports of a loop of rounds."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from mmselfhuman.visualization.report import decisions, metric_rows, report_html, report_markdown, short, video_rows
from mmselfhuman.visualization.report_curves import curves


def _content() -> dict:
    rounds = [
        {
            "round": number,
            "metrics": {"seg": {"aAcc": 90.0, "IoU_person": 50.0 + number}, "pose": {"ochuman/keypoints_AP": ap}},
            "signals": {"network": 0.8 + number / 20, "stability": 0.9},
            "verdict": verdict,
        }
        for number, ap, verdict in (
            (0, 0.1, None),
            (1, None, {"best": 1, "stop": True, "converged": True, "reasons": ["they <agree>"]}),
        )
    ]
    stage = {"name": "seg.pretrain", "kind": "train", "round": 0, "done": True, "seconds": 3, "busy": 2, "started": 0}
    return {
        "title": "a <b> & c",
        "finished": True,
        "best": 1,
        "rounds": rounds,
        "stages": [stage, {"name": "still_to_come", "kind": "train", "round": 1, "done": False}],
        "sessions": [{"command": "self_train.py <x>", "versions": {"torch": "2"}, "failure": None, "seconds": 4}],
        "overhead": {"busy": 2.0, "total": 4.0, "interrupted": 0.0, "share": 0.5},
        "failures": ["clip a|b was skipped: <reason>"],
        "export": {"seg": "export/seg.pth"},
    }


def test_the_table_has_main_metrics_of_all_networks_by_round() -> None:
    assert metric_rows(_content()) == [
        ["round", "seg IoU_person", "pose keypoint AP"],
        ["0 (before)", "50.00", "10.00"],
        ["1", "51.00", "-"],
        ["1 against 0", "+2%", "-"],
    ]


def test_without_a_round_that_is_better_nothing_has_changed() -> None:
    for best in (None, 0):
        assert [row[0] for row in metric_rows({**_content(), "best": best})] == ["round", "0 (before)", "1"]


def test_other_metrics_stand_in_the_table_if_there_are_no_main_ones() -> None:
    content = _content()
    for facts in content["rounds"]:
        facts["metrics"] = {"seg": {"something": 1.0}}
    assert metric_rows(content)[0] == ["round", "seg something"]


def test_a_loop_without_test_sets_says_so() -> None:
    content = _content()
    for facts in content["rounds"]:
        facts["metrics"] = {}
    assert metric_rows(content)[:2] == [["round", "metrics"], ["0 (before)", "not tested"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ochuman/segm_AP_H", "AP_H"),
        ("ochuman/keypoints_AP", "keypoint AP"),
        ("segm_given_keypoints_AP", "AP (poses given)"),
        ("IoU_person", "IoU_person"),
    ],
)
def test_headings_are_short_and_say_when_poses_were_given(name: str, expected: str) -> None:
    assert short(name) == expected


def _with_videos() -> dict:
    content = _content()
    for number, facts in enumerate(content["rounds"]):
        facts["metrics"] = {"seg": {"J": 40.0 + number, "J_run": 30.0 + number, "near/J": 50.0, "near/J_run": 45.0}}
    content["given"] = [{"name": "predictions as given", "metrics": {"seg": {"J": 20.0}}}]
    return content


def test_labels_of_round_0_are_told_apart_by_what_they_are_made_of() -> None:
    assert "what TPR made of the predictions;" in report_markdown(_with_videos())
    assert "what TPR made of the first Seg Module's masks;" in report_markdown(_content())


def test_what_was_given_stands_before_the_rounds() -> None:
    assert metric_rows(_with_videos()) == [
        ["round", "seg J", "seg near/J"],
        ["predictions as given", "20.00", "-"],
        ["0 (before)", "40.00", "50.00"],
        ["1", "41.00", "50.00"],
        ["1 against 0", "+2%", "+0%"],
    ]


def test_videos_have_a_table_of_their_own() -> None:
    assert video_rows(_with_videos()) == [
        ["video", "predictions as given", "0 (before)", "1"],
        ["run: seg J", "-", "30.00", "31.00"],
        ["run: seg near/J", "-", "45.00", "45.00"],
    ]
    assert "## By video\n\n| video |" in report_markdown(_with_videos())
    assert "<h2>By video</h2>" in report_html(_with_videos(), {})
    assert "By video" not in report_markdown(_content()) + report_html(_content(), {})


def test_decisions_are_told_with_their_reasons() -> None:
    assert decisions(_content()) == ["after round 1: converged, best is round 1 (they <agree>)"]


class _Checker(HTMLParser):
    """Whether tags are closed in order; what is shown and what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list) -> None:
        if tag not in ("meta", "img", "html", "body", "head"):
            self.open.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("html", "body", "head"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_whole_and_stands_alone(tmp_path: Path) -> None:
    picture = tmp_path / "changes.png"
    cv2.imwrite(str(picture), np.zeros((4, 6, 3), np.uint8))
    html = report_html(_content(), {"1": picture})
    checker = _Checker()
    checker.feed(html)
    assert checker.open == []
    assert [source.partition(",")[0] for source in checker.sources] == ["data:image/png;base64"]
    assert "clip a|b was skipped: <reason>" in checker.text
    assert "they <agree>" in checker.text
    assert "a <b> & c" in checker.text
    assert "<tr class=best><td>1</td><td>51.00</td>" in html
    assert "http" not in html


def test_markdown_has_every_section_and_no_table_is_broken() -> None:
    text = report_markdown(_content())
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == [
        "Rounds",
        "Label quality, without ground truth",
        "Decisions",
        "Failures",
        "Stages",
        "Results",
        "Commands",
    ]
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "overhead of the loop 50.0%" in text
    assert "still_to_come" not in text


def test_a_run_that_has_just_begun_has_a_report() -> None:
    content = {
        **_content(),
        "rounds": [],
        "stages": [],
        "finished": False,
        "sessions": [],
        "export": {},
        "failures": [],
    }
    assert "Nothing yet." in report_markdown(content)
    assert "Nothing yet." in report_html(content, {})


@pytest.mark.parametrize(
    "points", [[(0, 1.0)], [(0, 0.0), (1, 0.0)], [(0, -5.0), (1, 5.0), (2, 90.0)], [(1, 0.3), (2, 0.5)]]
)
def test_curves_are_valid_svg_inside_their_frame(points: list[tuple[float, float]]) -> None:
    tree = ElementTree.fromstring(curves({"a & b": points, "empty": []}, "<title>"))
    width, height = (float(tree.get(side)) for side in ("width", "height"))
    circles = tree.findall("circle")
    assert len(circles) == len(points)
    assert all(0 < float(c.get("cx")) < width and 0 < float(c.get("cy")) < height for c in circles)
    heights = [float(circle.get("cy")) for circle in circles]
    pairs = [(y, height) for (_, y), height in zip(points, heights, strict=True)]
    assert all((y < other) == (place > below) for y, place in pairs for other, below in pairs)
    assert tree.findall("text")[-1].text == "a & b"


def test_nothing_is_drawn_of_nothing() -> None:
    assert curves({"a": []}, "title") == ""
