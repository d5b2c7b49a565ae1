"""Archives, folders and files on the page hold what the service says, and nothing is left out in silence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from kshot import Client
from tests.app.drawings import zipped
from tests.app.inputs.archives.packed import UNIX, zip_of
from tests.page.hand import adapt, card, drop, model_id, open_page, photos
from tests.pictures import encoded
from tests.serving import Server

PHOTOS = [path.read_bytes() for path in (*photos("support", "hat"), *photos("support", "shoes"))]
SIDE = 224  # of what the photo network sees


def photographed(*names: str) -> dict[str, bytes]:
    """Files of these names, each a photo."""
    return dict(zip(names, PHOTOS, strict=False))


def zip64(files: Mapping[str, bytes]) -> bytes:
    """A zip with all its numbers in the fields for large ones."""
    buffer = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch, zipfile.ZipFile(buffer, "w") as archive:
        patch.setattr(zipfile, "ZIP64_LIMIT", 1)
        for name, data in files.items():
            archive.writestr(name, data)
        archive.close()
    return buffer.getvalue()


def test_archives_become_the_classes_that_the_service_reads(page: Page, shipped: Server) -> None:
    backslashes = {name.encode(): data for name, data in photographed("a\\0.jpg", "b\\0.jpg").items()}
    held: list[tuple[bytes, dict[str, int]]] = [
        (zipped(photographed("circle/0.png", "square/0.jpg", "triangle/0.jfif")), {"circle": 1, "triangle": 1}),
        (zipped(photographed("circle/2024/0.jpg", "circle/2025/1.jpg", "square/0.jpg")), {"circle": 2, "square": 1}),
        (zip_of(backslashes, system=UNIX), {"a": 1, "b": 1}),
        (zip64(photographed("circle/0.jpg", "square/0.jpg", "square/1.jpg")), {"circle": 1, "square": 2}),
    ]
    for data, shots in held:
        send(page, data)
        for name, pictures in shots.items():
            expect(card(page, name).locator(".pictures li")).to_have_count(pictures)
        open_page(page, shipped.url)


def test_what_is_left_out_of_an_archive_is_said_and_an_emptied_class_is_an_error(page: Page) -> None:
    stub = encoded(Image.new("RGB", (64, 64)), "HEIC")[:40]
    good = photographed("hat/1.jpg", "shoes/1.jpg")
    send(page, zipped({**good, "hat/notes.txt": b"hello", "shoes/2.heic": stub}))
    taken = page.locator("#taken")
    expect(taken.locator("summary")).to_have_text("2 files left out")
    expect(taken).to_contain_text("hat/notes.txt: it is text")
    expect(taken).to_contain_text("shoes/2.heic: it is a HEIC picture")
    send(page, zipped({**good, "phone/1.heic": stub}))
    expect(taken.locator(".error")).to_contain_text("No picture of the class 'phone' can be used")
    expect(taken.locator(".error")).to_contain_text("open it on the phone")
    expect(page.locator(".card")).to_have_count(2)


def test_an_encoding_that_the_names_do_not_tell_is_chosen(page: Page) -> None:
    names = photographed("역/0.jpg", "개/0.jpg")
    send(page, zip_of({name.encode("cp949"): data for name, data in names.items()}))
    page.get_by_role("button", name="(cp949)").click()
    expect(card(page, "역").locator(".pictures li")).to_have_count(1)
    expect(page.locator("#taken")).to_be_hidden()


def test_a_folder_makes_the_model_that_the_api_makes_of_it(page: Page, shipped: Server, tmp_path: Path) -> None:
    deep = tmp_path / "wrapped" / ("long " * 30) / "all"
    for name, data in photographed(*(f"帽子/{number}" for number in range(5)), "shoes/1.jpg", "shoes/2.jpg").items():
        (deep / name).parent.mkdir(parents=True, exist_ok=True)
        (deep / name).write_bytes(data)
    (deep / "shoes" / "notes.txt").write_text("hello")
    page.locator("#folder").set_input_files(tmp_path / "wrapped")
    expect(card(page, "帽子").locator(".pictures li")).to_have_count(5)
    expect(page.locator("#taken")).to_contain_text("notes.txt: it is text")
    adapt(page)
    with Client(shipped.url) as kshot:
        same = kshot.adapt(tmp_path / "wrapped").loss_curve  # but for rounding: the order is another
        assert kshot.model(model_id(page)).loss_curve == pytest.approx(same, rel=1e-5)


def test_phone_pictures_are_shown_and_prepared_for_another_network(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "phone.heic"
    picture.write_bytes(encoded(Image.open(io.BytesIO(PHOTOS[0])), "HEIC"))
    drop(card(page, "Class 1"), picture)
    shown = card(page, "Class 1").locator(".pictures img")
    expect(shown).to_have_count(1)
    has_side(shown, SIDE)
    page.get_by_role("radio", name="Drawings").check()
    has_side(shown, 28)
    page.get_by_role("radio", name="Photos").check()
    has_side(shown, SIDE)


def send(page: Page, data: bytes) -> None:
    page.locator("#archive").set_input_files({"name": "a.zip", "mimeType": "application/zip", "buffer": data})


def has_side(image: Locator, side: int) -> None:
    image.page.wait_for_function("([image, side]) => image.naturalWidth === side", arg=[image.element_handle(), side])
