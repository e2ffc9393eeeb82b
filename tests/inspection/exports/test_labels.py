"""Labels of Audacity."""

from __future__ import annotations

from duologue.inspection.exports.labels import audacity_labels
from tests.inspection.exports._call import call


def test_a_label_is_a_line_of_three_fields_in_order_of_time() -> None:
    lines = list(audacity_labels(call()))
    assert lines[0] == "0.500000\t1.500000\tuser: what\\ttime\\nis it\n"
    assert all(line.count("\t") == 2 and line.count("\n") == 1 for line in lines)
    begins = [float(line.partition("\t")[0]) for line in lines]
    assert begins == sorted(begins)
