"""What a file says beside its pixels reaches the new file, whatever format it came in."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from skimage import data

from nbhelpers.files import png_bytes
from nbhelpers.photos.decoding import read_whole

CAT = np.array(Image.fromarray(data.chelsea()).convert("L").resize((60, 40)))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d" dc:title="Caf\xc3\xa9"/></x:xmpmeta>'


def saved(path, image=CAT, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def made(path):
    """The PNG file of a photo, opened again; its metadata."""
    whole = read_whole(path)
    image = Image.open(io.BytesIO(png_bytes(whole.rgb, {}, whole.metadata)))
    image.load()
    return image, whole.metadata


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp"])
def test_the_print_keeps_its_size(tmp_path, suffix):
    image, _ = made(saved(tmp_path / f"a.{suffix}", dpi=(600, 600)))
    assert image.info["dpi"] == pytest.approx((600, 600), abs=0.02)


@pytest.mark.parametrize("suffix", ["webp", "avif", "jpg"])
def test_a_print_size_that_only_exif_tells_is_kept(tmp_path, suffix):
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 240.0, 240.0, 3  # dots per centimetre
    image, _ = made(saved(tmp_path / f"a.{suffix}", exif=exif))
    assert image.info["dpi"] == pytest.approx((609.6, 609.6), abs=0.02)
    assert float(image.getexif()[282]) == 240


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_a_turned_print_keeps_its_sides(tmp_path, suffix):
    exif = Image.Exif()
    exif[274] = 6
    image, _ = made(saved(tmp_path / f"a.{suffix}", exif=exif, dpi=(600, 300)))
    assert image.size == (40, 60) and image.info["dpi"] == pytest.approx((300, 600), abs=0.02)


def test_no_print_size_is_made_up(tmp_path):
    exif = Image.Exif()
    exif[271] = "A camera"
    for suffix, options in (("jpg", {"exif": exif}), ("png", {}), ("tif", {}), ("webp", {}), ("gif", {})):
        image, about = made(saved(tmp_path / f"a.{suffix}", **options))
        assert "dpi" not in image.info and about.dpi is None, suffix
    for value in (0.0, 1e-9, 1e12):
        exif[282], exif[283], exif[296] = value, value, 2
        assert made(saved(tmp_path / "b.png", exif=exif))[1].dpi is None


def test_a_tiffs_print_size_in_centimetres_and_without_a_unit(tmp_path):
    for unit, expected in ((2, (400, 400)), (3, (1016, 1016)), (1, None)):
        tifffile.imwrite(tmp_path / "a.tif", CAT, resolution=(400, 400), resolutionunit=unit)
        dpi = made(tmp_path / "a.tif")[1].dpi
        assert dpi == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_xmp_travels_without_the_old_orientation(tmp_path, suffix):
    exif = Image.Exif()
    exif[274] = 6
    if suffix == "tif":
        tifffile.imwrite(
            tmp_path / "a.tif", CAT, extratags=[(700, 7, len(XMP) - 1, XMP % 6, True), (274, 3, 1, 6, True)]
        )
    elif suffix == "png":
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", XMP % 6)
        saved(tmp_path / "a.png", pnginfo=told, exif=exif)
    else:
        saved(tmp_path / f"a.{suffix}", xmp=XMP % 6, exif=exif)
    image, _ = made(tmp_path / f"a.{suffix}")
    found = image.text["XML:com.adobe.xmp"]
    assert "Café" in found and "Orientation" not in found
    assert image.size == (40, 60) and image.getexif().get(274, 1) == 1


def test_a_pngs_texts_travel_but_for_ours_and_for_other_formats_data(tmp_path):
    told = PngImagePlugin.PngInfo()
    told.add_text("Title", "Das Haus am See")
    told.add_text("Copyright", "© 1923")
    told.add_itxt("Author", "Käthe Ω", lang="de", tkey="Urheberin")
    told.add_text("Description", "long " * 500, zip=True)
    told.add_text("nbhelpers", '{"method": "old"}')
    told.add_text("Raw profile type iptc", "\niptc\n 2\n0102\n")
    told.add_text("novel", "x" * 70_000)
    image, about = made(saved(tmp_path / "a.png", pnginfo=told))
    assert about.left_out == ("the text 'Raw profile type iptc', 14 characters", "the text 'novel', 70,000 characters")
    assert image.text.keys() == {"Title", "Copyright", "Author", "Description", "nbhelpers"}
    assert image.text["Title"] == "Das Haus am See" and image.text["Copyright"] == "© 1923"
    assert (image.text["Author"], image.text["Author"].lang, image.text["Author"].tkey) == (
        "Käthe Ω",
        "de",
        "Urheberin",
    )
    assert image.text["Description"] == "long " * 500 and "old" not in image.text["nbhelpers"]


@pytest.mark.parametrize("words", ["Café".encode(), "Café".encode("latin-1")])
def test_a_comment_becomes_a_text(tmp_path, words):
    for suffix in ("jpg", "gif"):
        image, _ = made(saved(tmp_path / f"a.{suffix}", comment=words))
        assert image.text["Comment"] == "Café"


def test_exif_as_imagemagick_stores_it_in_a_png(tmp_path):
    block = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x10F, 2, 4, b"abc\0") + bytes(4)
    told = PngImagePlugin.PngInfo()
    told.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    image, _ = made(saved(tmp_path / "a.png", pnginfo=told))
    assert image.getexif()[271] == "abc"


def test_captions_of_newspapers_are_named(tmp_path):
    iptc = b"\x1c\x02\x78\0\x05House"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    segment = b"Photoshop 3.0\0" + resource
    jpeg = saved(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:])
    tifffile.imwrite(tmp_path / "b.tif", CAT, extratags=[(33723, 7, len(iptc), iptc, True)])
    for name in ("a.jpg", "b.tif"):
        assert made(tmp_path / name)[1].left_out == ("captions, which are IPTC data",)


def test_an_editors_layers_do_not_travel(tmp_path):
    layers = bytes(2_000_000)
    tifffile.imwrite(
        tmp_path / "a.tif", CAT, extratags=[(37724, 7, len(layers), layers, True), (315, 2, 6, "Kathe", True)]
    )
    whole = read_whole(tmp_path / "a.tif")
    image, about = made(tmp_path / "a.tif")
    assert about.left_out == ("EXIF's ImageSourceData, 2,000,000 bytes",) and image.getexif()[315] == "Kathe"
    assert len(png_bytes(whole.rgb, {}, whole.metadata)) < 10_000


def test_the_tags_of_tiffs_that_pillow_cannot_open_travel_too(tmp_path):
    deep = (CAT.astype(np.uint32) * 2047 // 255).astype(np.uint16)
    tags = [(33432, 7, 7, "K\u00e4the".encode() + b"\0", True), (274, 3, 1, 8, True)]
    tifffile.imwrite(
        tmp_path / "a.tif", deep, bitspersample=11, extratags=tags, resolution=(300, 300), resolutionunit=2
    )
    image, about = made(tmp_path / "a.tif")
    assert image.size == (40, 60) and "Käthe".encode() in about.exif and about.dpi == pytest.approx((300, 300))
