import pytest
from matplotlib.image import imread

from skinit import LossCurveDisplay
from skinit.displays import save_display


@pytest.fixture
def display(pyplot):
    return LossCurveDisplay({"a run": [1.0, 0.5, 0.25]}).plot()


def test_the_figure_is_written(display, tmp_path):
    width, height = display.figure_.get_size_inches()
    save_display(display, tmp_path / "loss.png")
    assert imread(tmp_path / "loss.png").shape[:2] == (150 * height, 150 * width)


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_extension_decides_the_format(display, tmp_path, ending, magic):
    save_display(display, tmp_path / f"loss.{ending}")
    assert (tmp_path / f"loss.{ending}").read_bytes().startswith(magic)


def test_the_figure_is_closed_and_no_other(display, tmp_path, pyplot):
    other = pyplot.figure()
    save_display(display, tmp_path / "loss.png")
    assert pyplot.get_fignums() == [other.number]


def test_a_folder_that_is_not_there_is_an_error(display, tmp_path):
    with pytest.raises(FileNotFoundError):
        save_display(display, tmp_path / "nowhere" / "loss.png")
