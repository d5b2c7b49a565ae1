from __future__ import annotations

from benchmarks.http_reference import OUT, render


def test_the_http_reference_is_what_the_service_says_of_itself() -> None:
    assert OUT.read_text() == render(), "run `python -m benchmarks.http_reference`"
