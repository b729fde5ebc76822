"""The benchmark of the video reader runs and reads what it says it reads."""

import runpy
import sys
from pathlib import Path

from mmselfhuman.datasets.video import UnlabelledVideos

TOOL = Path(__file__).parents[2] / "tools" / "benchmarks" / "video_reader.py"


def test_both_readers_read_every_frame_and_a_fresh_process_tells_its_memory(tmp_path, monkeypatch, capsys):
    benchmark = runpy.run_path(str(TOOL))
    video = benchmark["write_sample"](tmp_path / "v.mp4", 12)
    assert benchmark["read_bare"](video) == benchmark["read_clip"](UnlabelledVideos(video)[0]) == 12

    monkeypatch.setattr(sys, "argv", [str(TOOL), str(video), "--repeats", "1"])
    monkeypatch.setitem(benchmark["main"].__globals__, "LENGTHS", (6, 12))
    benchmark["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("v.mp4: 12 frames")
    assert lines[1].endswith("times as fast")
    assert [line.split(",")[0] for line in lines[2:]] == ["peak memory of the arrays", "peak memory of the process"]
