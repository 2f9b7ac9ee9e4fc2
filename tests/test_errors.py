"""What is said after a name that is unknown."""

import pytest

from nbhelpers.errors import instead_of


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unett", "did you mean 'unet'?"),
        ("demo-pics", "did you mean 'demo-pics-3fa2c1'?"),  # it begins so, though most of it is missing
        ("xyzzy", "choose from unet, demo-pics-3fa2c1"),
        ("", "choose from unet, demo-pics-3fa2c1"),
    ],
)
def test_the_way_out_is_the_nearest_name_or_all(name, said):
    assert instead_of(name, iter(["unet", "demo-pics-3fa2c1"])) == said
