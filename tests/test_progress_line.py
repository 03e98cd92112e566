import pytest

from keras_t2i import progress_line
from keras_t2i.progress_line import ProgressLine

DOING = "did {done}/{total}, {rate:.0f}/s"


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
    return now


def test_it_appears_only_when_it_has_taken_a_while(clock, capsys):
    line = ProgressLine(10, None, doing=DOING)
    clock[0] = 2.0
    line.advance(4)
    assert capsys.readouterr().err == ""
    clock[0] = 4.0
    line.advance(4)
    assert capsys.readouterr().err == "did 8/10, 2/s\n"
    line.advance(2)
    assert capsys.readouterr().err == "did 10/10, 2/s\n"


@pytest.mark.parametrize(
    ("terminal", "seconds", "expected"),
    [
        (True, 0.3, "\r\x1b[Kdid 1/100, 0/s\r\x1b[Kdid 3/100, 1/s\r\x1b[Kdid 5/100, 1/s"),
        (False, 29.0, "did 1/100, 0/s\ndid 3/100, 0/s\ndid 5/100, 0/s\n"),
    ],
)
def test_it_is_drawn_anew_now_and_then(clock, capsys, monkeypatch, terminal, seconds, expected):
    monkeypatch.setattr(progress_line.sys.stderr, "isatty", lambda: terminal)
    line = ProgressLine(100, None, doing=DOING)
    clock[0] = 4.0
    for _ in range(5):
        line.advance(1)
        clock[0] += seconds
    assert capsys.readouterr().err == expected


def test_what_is_done_soon_stays_silent(clock, capsys):
    line = ProgressLine(4, None, doing=DOING)
    clock[0] = 9.0
    line.advance(4)
    assert capsys.readouterr().err == ""


def test_it_can_be_asked_for_and_forbidden(clock, capsys):
    clock[0] = 1.0
    ProgressLine(2, True, doing=DOING).advance(1)
    assert "did 1/2" in capsys.readouterr().err
    line = ProgressLine(2, False, doing=DOING)
    clock[0] = 99.0
    line.advance(1)
    assert capsys.readouterr().err == ""
