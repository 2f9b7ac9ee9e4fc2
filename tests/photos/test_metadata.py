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


@pytest.mark.parametrize(
    "said",
    [
        b"<rdf:Description tiff:Orientation='6' dc:title='House'/>",
        b'<rdf:Description tiff:Orientation = "6" dc:title="House" tiff:ImageWidth="60"/>',
        b"<rdf:Description><tiff:Orientation>6</tiff:Orientation><dc:title>House</dc:title></rdf:Description>",
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "tif", "deep.tif"])
def test_an_orientation_in_xmp_alone_in_each_way_of_writing(tmp_path, said, suffix):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + said + b"</x:xmpmeta>"
    path = tmp_path / f"a.{suffix}"
    if suffix == "jpg":
        saved(path, xmp=xmp)
    else:
        picture = CAT.astype(np.uint16) * 257 if "deep" in suffix else CAT
        tifffile.imwrite(path, picture, photometric="minisblack", extratags=[(700, 7, len(xmp), xmp, True)])
    image, _ = made(path)
    found = image.text["XML:com.adobe.xmp"]
    assert "House" in found and "Orientation" not in found and "ImageWidth" not in found
    if b"'" not in said and b" = " not in said or suffix == "deep.tif":  # Pillow reads the usual ways alone
        assert image.size == (40, 60)


def test_the_second_part_of_a_long_xmp_is_named(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmpNote:HasExtendedXMP="ABC" dc:t="x"/></x:xmpmeta>'
    image, about = made(saved(tmp_path / "a.jpg", xmp=xmp))
    assert about.left_out == ("the second part of its XMP, which is spread over the file",)
    assert "HasExtendedXMP" not in image.text["XML:com.adobe.xmp"] and 'dc:t="x"' in image.text["XML:com.adobe.xmp"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_keeps_its_texts_though_it_is_turned(tmp_path, orientation):
    exif, words = Image.Exif(), "© 1923 Käthe".encode()
    exif[274], exif[0x8298] = orientation, "@" * len(words)  # Pillow would rewrite the words in saving, too
    path = saved(tmp_path / "a.avif", Image.fromarray(CAT).convert("RGB"), exif=exif)
    path.write_bytes(path.read_bytes().replace(b"@" * len(words), words))
    image, about = made(path)
    assert words + b"\0" in about.exif and about.left_out == ()
    assert image.size == ((60, 40) if orientation < 5 else (40, 60)) and 274 not in image.getexif()


def test_jpeg_2000_keeps_its_boxes(tmp_path):
    exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x10F, 2, 4, b"abc\0") + bytes(4)
    boxes = {bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): XMP % 1, b"JpgTiffExif->JP2": exif}
    boxes[bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")] = b"\x1c\x02\x78\0\x05House"
    content = saved(tmp_path / "a.jp2").read_bytes()
    at = content.index(b"jp2c") - 4
    extra = b"".join(struct.pack(">I", 24 + len(body)) + b"uuid" + name + body for name, body in boxes.items())
    (tmp_path / "a.jp2").write_bytes(content[:at] + extra + content[at:])
    image, about = made(tmp_path / "a.jp2")
    assert image.getexif()[271] == "abc" and "Café" in image.text["XML:com.adobe.xmp"]
    assert about.left_out == ("captions, which are IPTC data",)


def test_a_pngs_own_keys_are_no_fields_of_the_file(tmp_path):
    told, keys = (
        PngImagePlugin.PngInfo(),
        ("comment", "dpi", "gamma", "photoshop", "icc_profile", "transparency", "srgb"),
    )
    for key in keys:
        told.add_text(key, "72")
    told.add_itxt("exif", "no block")
    whole = read_whole(saved(tmp_path / "a.png", pnginfo=told))
    assert (whole.rgb[..., 0] == CAT).all() and whole.notes == ()
    about = whole.metadata
    assert (about.exif, about.icc, about.dpi, about.left_out) == (b"", None, None, ())
    assert {key for key, _ in about.texts} == {*keys, "exif"}


def test_long_texts_are_packed(tmp_path):
    told = PngImagePlugin.PngInfo()
    for i in range(5):
        told.add_text(f"text {i}", "x" * 60_000, zip=True)
    whole = read_whole(saved(tmp_path / "a.png", pnginfo=told))
    assert len(whole.metadata.texts) == 5 and len(png_bytes(whole.rgb, {}, whole.metadata)) < 10_000
    for i in range(20):
        told.add_text(f"more {i}", "x" * 60_000, zip=True)
    assert len(read_whole(saved(tmp_path / "a.png", pnginfo=told)).metadata.texts) == 10
    told.add_text("a whole book", "x" * 2_000_000, zip=True)  # is no reason to refuse the photo
    assert "the text 'a whole book', too long" in read_whole(saved(tmp_path / "a.png", pnginfo=told)).metadata.left_out


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
    assert about.left_out == ("captions, which are IPTC data", "the text 'novel', too long")
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


def test_all_comments_of_a_jpeg(tmp_path):
    content = saved(tmp_path / "a.jpg", comment=b"one").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:2] + b"\xff\xfe\0\x05two" + content[2:])
    assert set(made(tmp_path / "a.jpg")[0].text["Comment"].split("\n")) == {"one", "two"}


def test_xmp_and_damaged_exif_as_imagemagick_stores_them_in_a_png(tmp_path):
    told, xmp = PngImagePlugin.PngInfo(), XMP % 1
    told.add_text("Raw profile type xmp", f"\nxmp\n{len(xmp):8}\n{xmp.hex()}\n")
    told.add_text("Raw profile type exif", "\nexif\n      12\nno hexadecimal digits\n")
    image, about = made(saved(tmp_path / "a.png", pnginfo=told))
    assert "Café" in image.text["XML:com.adobe.xmp"] and about.left_out == ("EXIF's data, which are damaged",)


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
    tifffile.imwrite(tmp_path / "c.tif", CAT, extratags=[(34377, 7, len(resource), resource, True)])
    for name in ("a.jpg", "b.tif", "c.tif"):
        assert made(tmp_path / name)[1].left_out == ("captions, which are IPTC data",)


def test_an_editors_layers_do_not_travel(tmp_path):
    layers = bytes(2_000_000)
    tifffile.imwrite(
        tmp_path / "a.tif", CAT, extratags=[(37724, 7, len(layers), layers, True), (315, 2, 6, "Kathe", True)]
    )
    whole = read_whole(tmp_path / "a.tif")
    image, about = made(tmp_path / "a.tif")
    assert about.left_out == ("EXIF's ImageSourceData, more than 64 kB",) and image.getexif()[315] == "Kathe"
    assert len(png_bytes(whole.rgb, {}, whole.metadata)) < 10_000


@pytest.mark.filterwarnings("ignore")
def test_a_profile_and_xmp_that_cannot_be_had_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", CAT, iccprofile=bytes(200), extratags=[(700, 7, 300, bytes(300), True)])
    content = (tmp_path / "a.tif").read_bytes()
    for tag, count in ((34675, 200), (700, 300)):
        row = content.index(struct.pack("<HHI", tag, 7, count))
        content = content[: row + 8] + struct.pack("<I", 2**30) + content[row + 12 :]
    (tmp_path / "a.tif").write_bytes(content)
    gone = "which reaches beyond the end"
    assert set(read_whole(tmp_path / "a.tif").metadata.left_out) == {f"its colour profile, {gone}", f"its XMP, {gone}"}


def test_the_tags_of_tiffs_that_pillow_cannot_open_travel_too(tmp_path):
    deep = (CAT.astype(np.uint32) * 2047 // 255).astype(np.uint16)
    tags = [(33432, 7, 7, "K\u00e4the".encode() + b"\0", True), (274, 3, 1, 8, True)]
    tifffile.imwrite(
        tmp_path / "a.tif", deep, bitspersample=11, extratags=tags, resolution=(300, 300), resolutionunit=2
    )
    image, about = made(tmp_path / "a.tif")
    assert image.size == (40, 60) and "Käthe".encode() in about.exif and about.dpi == pytest.approx((300, 300))
