import json
import runpy
import sys
from pathlib import Path

import pytest
from evaluation_toys import coco, found, person

from mmselfhuman.evaluation.results_file import read_results

SCRIPT = Path(__file__).parents[2] / "tools" / "analysis_tools" / "eval_results.py"
FIRST, SECOND = (0, 0, 10, 10), (20, 0, 10, 10)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the tool as a script and returns what it prints."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return capsys.readouterr().out

    return run


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def cells(output, metric):
    row = next(line for line in output.splitlines() if line.startswith(f"| {metric} "))
    return [cell.strip() for cell in row.split("|")[3:-1]]


def test_tool_prints_the_table_of_the_metric(run, tmp_path):
    people = [person(1, 4, FIRST, max_iou=0.6), person(2, 4, SECOND, max_iou=0.2)]
    truth = write(tmp_path / "gt.json", coco({4: "a.jpg"}, people))
    results = [found(4, FIRST, 0.5), found(4, SECOND, 0.9), found(4, FIRST, 1.0, category_id=2)]
    path = write(tmp_path / "mine.json", results)
    output = run("ochuman", "--segm", path, "--keypoints", path, "--ann-file", truth)
    assert "range_mode drop (official)" in output
    # Everybody is found. Moderate: the detection of the other person comes first and is a mistake.
    assert cells(output, "segm") == ["1.000", "1.000", "1.000", "0.500", "-", "1.000"]
    assert cells(output, "keypoints") == cells(output, "segm")
    assert "1 results of other categories than 1 were left out" in output
    ignoring = run("ochuman", "--segm", path, "--ann-file", truth, "--range-mode", "ignore")
    assert cells(ignoring, "segm")[3] == "1.000"


def test_ids_of_another_file_are_joined_by_name(run, tmp_path):
    truth = write(tmp_path / "gt.json", coco({1: "a.jpg", 2: "b.jpg"}, [person(1, 1, FIRST), person(2, 2, SECOND)]))
    images = write(tmp_path / "images.json", coco({1: "b.jpg", 2: "a.jpg"}, [person(1, 1, FIRST)]))
    path = write(tmp_path / "mine.json", [found(2, FIRST, 0.5), found(1, SECOND, 0.9)])
    output = run("cocopersons", "--segm", path, "--ann-file", truth, "--images", images)
    assert cells(output, "segm")[0] == "1.000"
    assert cells(run("cocopersons", "--segm", path, "--ann-file", truth), "segm")[0] == "0.000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ann-file", "GT"], "no results: give --segm"),
        (["--segm", "GT", "--ann-file", "all=GT"], "gt.json: expected a list of COCO results, got dict"),
        (["--segm", "RESULTS", "--ann-file", "nowhere.json"], "nowhere.json does not exist"),
        (["--segm", "nowhere.json", "--ann-file", "all=GT"], "nowhere.json"),
        (["--segm", "RESULTS", "--ann-file", "GT", "GT"], "several files are each RANGE=FILE"),
        (["--segm", "RESULTS", "--ann-file", "GT"], "annotation 1 has no 'max_iou'"),
        (["--segm", "RESULTS", "--ann-file", "all=GT", "hard=GT"], "has no 'file_name', and its image_id 1"),
    ],
)
def test_wrong_use_is_explained_on_exit(run, capsys, tmp_path, arguments, message):
    truth = write(tmp_path / "gt.json", coco({1: "a.jpg"}, [person(1, 1, FIRST)]))
    results = write(tmp_path / "mine.json", [found(1, FIRST, 0.5)])
    with pytest.raises(SystemExit) as exit_:
        run("ochuman", *(a.replace("GT", truth).replace("RESULTS", results) for a in arguments))
    assert message in f"{exit_.value} {capsys.readouterr().err}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", r"mine\.json: malformed JSON"),
        ([1], r"mine\.json: expected a list of COCO results"),
        ([found(1, FIRST, 0.5), {"image_id": 1}], r"result 1 lacks \['category_id', 'score', 'segmentation'\]"),
        ([found(9, FIRST, 0.5)], r"result 0 has no 'file_name', and its image_id 9 is not among the 1 known ids"),
    ],
)
def test_malformed_results_are_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_results(write(tmp_path / "mine.json", content), "segm", {1: "a.jpg"})


def test_file_names_go_before_ids(tmp_path):
    path = write(tmp_path / "mine.json", [{**found(1, FIRST, 0.5), "file_name": "b.jpg"}])
    assert read_results(path, "segm", {1: "a.jpg"})[0][0]["file_name"] == "b.jpg"
    assert read_results(write(tmp_path / "none.json", []), "segm") == ([], 0)
