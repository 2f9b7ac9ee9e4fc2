"""Squares are cut where they are asked for."""

import torch

from nbhelpers.networks import crops


def test_each_photo_has_a_square_of_its_own():
    planes = torch.arange(2 * 3 * 5 * 6).reshape(2, 3, 5, 6)
    found = crops.cut(planes, torch.tensor([[0, 3], [2, 1]]), 3)
    assert torch.equal(found[0], planes[0, :, 0:3, 3:6]) and torch.equal(found[1], planes[1, :, 2:5, 1:4])
