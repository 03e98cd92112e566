from keras_t2i.data.report import Report


def test_a_report_without_problems_is_one_line():
    report = Report(found=3, used=3, captions=6)
    assert report.ok
    assert str(report) == "3 of 3 pictures are used, with 6 captions, no problems"


def test_problems_are_counted_and_named():
    report = Report(found=3, used=1, captions=2, unreadable_pictures=["a.jpg: cut", "b.jpg: cut"])
    assert not report.ok
    assert report.problems == {"unreadable_pictures": ["a.jpg: cut", "b.jpg: cut"]}
    assert str(report).splitlines()[1:] == [
        "unreadable pictures: 2",
        "  a.jpg: cut",
        "  b.jpg: cut",
    ]


def test_long_lists_are_shortened_in_print_alone():
    report = Report(empty_captions=[f"{n}.txt" for n in range(25)])
    lines = str(report).splitlines()
    assert len(lines) == 1 + 1 + 10 + 1
    assert lines[-1] == "  ... and 15 more (see report.empty_captions)"
