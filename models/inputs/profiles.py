"""Colours by the profile that comes with a picture: Display P3 of a phone, CMYK of a print shop, Lab."""

import io

from PIL import Image, ImageCms

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
"""Pillow's modes by the colour spaces of profiles."""


def foreign_profile(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return the profile of a picture whose colours aren't those of sRGB already; None if it has none that is sound."""
    if picture.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    embedded = picture.info.get("icc_profile")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded)) if embedded else None
        known = profile is None or "sRGB" in (profile.profile.profile_description or "")
    except Exception:  # of bytes that somebody else wrote; a browser shows the picture without them
        return None
    return None if known else profile


def in_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Return a picture with its colours in sRGB; as it is where the profile isn't for it. Keeps its transparency."""
    if picture.mode == "RGBa":
        layer = picture.convert("RGBA")
        converted = in_srgb(layer.convert("RGB"), profile)
        converted.putalpha(layer.getchannel("A"))
        return converted
    if MODES.get(profile.profile.xcolor_space) != picture.mode:
        return picture
    try:
        return _transformed(picture, profile)
    except Exception:  # see above
        return picture


def _transformed(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), picture.mode, "RGB")
    return transform.apply(picture)
