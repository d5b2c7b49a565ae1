"""A short run of the fuzzer; `python -m tests.faults.fuzz` is the long one."""

from __future__ import annotations

from tests.faults.fuzz import SEED, through_a_server, through_the_code
from tests.serving import Server


def test_spoiled_uploads_are_read_or_refused_in_time() -> None:
    report = through_the_code(SEED, first=0, count=2000, processes=1)
    assert report.faults == []
    assert sum(number for name, number in report.outcomes.items() if name.endswith(": read")) > 200
    assert len(report.outcomes) > 8


def test_a_server_refuses_spoiled_uploads_and_answers_all_the_while(server: Server) -> None:
    report = through_a_server(server, SEED, first=0, count=400)
    assert report.faults == []
    assert report.outcomes["image: 422"] > 50
    assert report.outcomes["archive: 422"] > 20
