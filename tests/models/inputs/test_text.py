"""Texts as examples."""

from __future__ import annotations

import pytest
import torch

from models.inputs.text import TextInput, texts


@pytest.mark.parametrize("text", ["Where is my parcel?", "", "Wo ist mein Päckchen? 📦", " blanks around "])
def test_a_text_is_kept_as_it_is(text: str) -> None:
    spec = TextInput(length=60)
    example = spec.prepare(text)
    assert example.shape == spec.example
    assert spec.keep(example) == text.encode()
    assert torch.equal(spec.restore(spec.keep(example)), example)
    assert texts(torch.stack([example, example])) == [text, text]


def test_a_text_that_is_too_long_or_holds_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="61 bytes in UTF-8, and 60 is the most"):
        TextInput(length=60).prepare("a" * 61)
    with pytest.raises(ValueError, match=r"U\+0000"):
        TextInput().prepare("a\0b")
