"""Batches: bytes in, exact crops out, the same for the same step, shared among devices without a gap."""

import dataclasses

import numpy as np
import pytest
import torch
from skimage.io import imsave

from nbhelpers.colour.lab import rgb_to_lab, unscale_ab, unscale_lightness
from nbhelpers.errors import UserError
from nbhelpers.networks import data as batches
from nbhelpers.networks import hint_inputs
from nbhelpers.networks.config import HINTS, TrainConfig
from nbhelpers.networks.data import Batches, bytes_of, identity, mix
from nbhelpers.networks.models import UNet
from nbhelpers.photos import open_photos
from nbhelpers.photos.cache import PhotoWarning

TINY = TrainConfig("tiny", batch=4, size=16, stored=20, depth=1, jitter=0.0)
EXACT = dataclasses.replace(TINY, stored=16)


def plain(count, side=20):
    """Photos of one colour each, all different."""
    reds = np.linspace(0, 255, count).round().astype(np.uint8)
    assert len(set(reds)) == count
    colours = np.stack([reds, 255 - reds, np.full(count, 90, np.uint8)], axis=1)
    return torch.from_numpy(np.tile(colours[:, :, None, None], (1, 1, side, side)))


def noise(count, side=20, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), np.uint8))


def lab_of(photos):
    """(N, 3, H, W) bytes -> CIELAB, by the arrays' function."""
    return np.moveaxis(rgb_to_lab(np.moveaxis(photos.numpy(), 1, -1)), -1, 1)


def lab_back(batch):
    """What a batch holds, unscaled: (N, 3, H, W)."""
    return torch.cat([unscale_lightness(batch.lightness), unscale_ab(batch.ab)], dim=1).numpy()


def who(batch, photos):
    """The numbers of plain photos in a batch."""
    distance = np.abs(lab_back(batch)[:, None, :, 0, 0] - lab_of(photos)[None, :, :, 0, 0]).max(axis=-1)
    assert (distance.min(axis=1) < 1e-3).all() and ((distance < 1e-3).sum(axis=1) == 1).all()
    return distance.argmin(axis=1).tolist()


def same(one, other):
    """Do two batches hold the same, to the last bit?"""
    pairs = list(zip(one, other, strict=True))
    assert all((mine is None) == (theirs is None) for mine, theirs in pairs)
    return all(mine is None or torch.equal(mine, theirs) for mine, theirs in pairs)


# ---- the bytes


@pytest.mark.parametrize("kind", [list, tuple, np.stack])
def test_arrays_become_one_tensor(kind):
    photos = [np.random.default_rng(i).integers(0, 256, (6, 6, 3), np.uint8) for i in range(3)]
    found = bytes_of(kind(photos), 6)
    assert found.dtype == torch.uint8 and found.shape == (3, 3, 6, 6) and found.is_contiguous()
    for photo, tensor in zip(photos, found, strict=True):
        np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), photo)


def test_photos_become_one_tensor(sample):
    found = bytes_of(sample.train, 96)
    assert found.dtype == torch.uint8 and found.shape == (len(sample.train), 3, 96, 96)
    for photo, tensor in zip(sample.train, found, strict=True):
        np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), photo)


def test_unusable_photos_are_left_out_with_a_warning(course, tmp_path):
    for i, channels in enumerate((3, 1, 3, 3)):
        pixels = np.random.default_rng(i).integers(0, 256, (30, 30, channels), np.uint8)
        (tmp_path / "train").mkdir(exist_ok=True)
        imsave(tmp_path / "train" / f"{i}.png", np.repeat(pixels, 3 // channels, axis=2), check_contrast=False)
    (tmp_path / "test").mkdir()
    imsave(tmp_path / "test" / "9.png", pixels)
    photos = open_photos(str(tmp_path), size=30).train
    with pytest.warns(PhotoWarning, match=r"skipped: .*1\.png"):
        found = bytes_of(photos, 30)
    assert len(photos) == 4 and len(found) == 3
    np.testing.assert_array_equal(found[1].permute(1, 2, 0).numpy(), photos[2])
    with pytest.warns(PhotoWarning), pytest.raises(UserError, match="there is no usable training photo"):
        bytes_of(photos[1:2], 30)


def test_no_photos_are_refused(sample):
    for none in ([], sample.train[:0], np.zeros((0, 8, 8, 3), np.uint8)):
        with pytest.raises(UserError, match="there is no usable training photo: name a source"):
            bytes_of(none, 8)


@pytest.mark.parametrize(
    ("photo", "found"),
    [
        (np.zeros((8, 9, 3), np.uint8), r"uint8 \(8, 9, 3\)"),
        (np.zeros((9, 9, 3), np.uint8), r"uint8 \(9, 9, 3\)"),
        (np.zeros((8, 8, 4), np.uint8), r"uint8 \(8, 8, 4\)"),
        (np.zeros((8, 8), np.uint8), r"uint8 \(8, 8\)"),
        (np.zeros((3, 8, 8), np.uint8), r"uint8 \(3, 8, 8\)"),
        (np.zeros((8, 8, 3), np.float32), r"float32 \(8, 8, 3\)"),
        (np.zeros((8, 8, 3), np.int64), r"int64 \(8, 8, 3\)"),
    ],
)
def test_photos_of_another_size_or_type_are_named(photo, found):
    with pytest.raises(UserError, match=rf"a training photo is {found}, .* uint8 \(8, 8, 3\): open .* size=8"):
        bytes_of([np.zeros((8, 8, 3), np.uint8), photo], 8)


def test_photos_opened_at_another_size_are_refused(sample):
    with pytest.raises(UserError, match=r"uint8 \(96, 96, 3\), the configuration needs uint8 \(72, 72, 3\)"):
        bytes_of(sample.train, 72)


def test_the_identity_is_that_of_the_bytes():
    photos = noise(3)
    changed = photos.clone()
    changed[2, 1, 7, 7] ^= 1
    others = [changed, photos[:2], photos.flip(0), photos.reshape(3, 3, 10, 40), photos.transpose(2, 3).contiguous()]
    assert identity(photos) == identity(photos.clone())
    assert len({identity(each) for each in [photos, *others]}) == 6


def test_the_seeds_of_orders_batches_and_first_weights_never_meet():
    numbers = [(seed, i, *purpose) for seed in range(4) for i in range(100) for purpose in ((), (1,), (2,))]
    seeds = [mix(*each) for each in numbers]
    assert len(set(seeds)) == len(numbers) and seeds == [mix(*each) for each in numbers]
    assert all(isinstance(seed, int) and 0 <= seed < 2**64 for seed in seeds)  # what torch takes


# ---- which photos


def test_a_batch_depends_on_step_and_seed_alone():
    config, photos = dataclasses.replace(TINY, jitter=0.2), noise(11)
    data = Batches(photos, config)
    first = {step: data.at(step, 3) for step in range(7)}
    other = Batches(photos.clone(), config)
    for step in (5, 0, 6, 6, 2, 4, 1, 3):
        torch.manual_seed(step)
        torch.rand(step)
        other.at(step, 4)
        assert same(other.at(step, 3), first[step])
    assert not same(first[0], data.at(0, 4))
    assert not any(same(first[i], first[j]) for i in range(7) for j in range(i))


def test_chance_after_a_batch_is_that_of_the_step():
    """Dropout draws from it, so that a resumed training drops the same."""
    data, drawn = Batches(noise(8), TINY), []
    for step, seed in ((3, 0), (4, 0), (3, 0), (3, 1)):
        data.at(step, seed)
        drawn.append(torch.rand(4))
        torch.rand(step)
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[3])


def test_each_epoch_visits_every_photo_once_in_an_order_of_its_own():
    photos = plain(12)
    data = Batches(photos, TINY)
    assert data.per_epoch == 3
    orders = {
        (seed, epoch): sum((who(data.at(3 * epoch + i, seed), photos) for i in range(3)), [])
        for seed in (0, 1)
        for epoch in range(4)
    }
    assert all(sorted(order) == list(range(12)) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 8
    assert list(range(12)) not in orders.values()


def test_the_last_incomplete_batch_is_left_out():
    photos = plain(11)
    data = Batches(photos, TINY)
    assert data.per_epoch == 2
    seen = [who(data.at(2 * epoch, 0), photos) + who(data.at(2 * epoch + 1, 0), photos) for epoch in range(8)]
    assert all(len(set(epoch)) == 8 for epoch in seen)
    assert set(sum(seen, [])) == set(range(11))  # another three are left out each time


@pytest.mark.parametrize(("photos", "batch"), [(1, 4), (3, 4), (3, 8), (2, 7), (5, 5)])
def test_with_fewer_photos_than_a_batch_each_comes_several_times(photos, batch):
    photos = plain(photos)
    data = Batches(photos, dataclasses.replace(TINY, batch=batch))
    assert data.per_epoch == 1
    for step in range(3):
        counts = np.bincount(who(data.at(step, 0), photos), minlength=len(photos))
        assert counts.sum() == batch and counts.min() >= 1 and np.ptp(counts) <= 1


def test_the_order_of_an_epoch_is_what_the_batches_hold():
    photos = plain(9)
    data = Batches(photos, TINY)
    for epoch in range(3):
        order = data.order(epoch, 5)
        assert order.shape == (2, 4)
        assert [who(data.at(2 * epoch + i, 5), photos) for i in range(2)] == order.tolist()


# ---- crops and colours


def test_crops_are_exact_pieces_of_the_photos_or_their_mirror_images():
    photos = noise(8)
    lab, data, found = lab_of(photos), Batches(photos, TINY), set()
    for step in range(40):
        order = data.order(step // 2, 0)[step % 2]
        for photo, piece in zip(order, lab_back(data.at(step, 0)), strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(lab[photo], (16, 16), axis=(1, 2))  # (3, 5, 5, 16, 16)
            for mirrored in (False, True):
                error = np.abs(windows - piece[:, None, None, :, :: -1 if mirrored else 1]).max(axis=(0, 3, 4))
                fits = np.argwhere(error < 1e-3)
                found |= {(step, int(photo), *map(int, place), mirrored) for place in fits}
    assert len(found) == 40 * 4  # each in one place and one way
    places, coins = {each[2:4] for each in found}, [each[4] for each in found]
    assert {row for row, _ in places} == {column for _, column in places} == set(range(5))
    assert 0.25 < np.mean(coins) < 0.75


def test_without_room_for_crops_the_whole_photo_comes():
    photos, coins = noise(4, 16), set()
    data, lab = Batches(photos, EXACT), lab_of(photos)
    for step in range(8):
        whole, found = lab[data.order(step, 0)[0]], lab_back(data.at(step, 0))
        errors = [np.abs(found - whole[..., ::way]).max() for way in (1, -1)]
        coins.add(int(np.argmin(errors)))
        assert min(errors) < 1e-3
    assert coins == {0, 1}


def test_batches_are_scaled_floats_of_the_configs_size():
    batch = Batches(noise(5), dataclasses.replace(TINY, batch=3, size=14)).at(0, 0)
    assert batch.lightness.shape == (3, 1, 14, 14) and batch.ab.shape == (3, 2, 14, 14)
    assert batch.lightness.dtype == batch.ab.dtype == torch.float32
    extremes = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 20, 20)
    batch = Batches(extremes, dataclasses.replace(TINY, batch=2)).at(0, 0)
    for photo, value in zip(batch.lightness, (-1, 1) if batch.lightness[0].mean() < 0 else (1, -1)):
        torch.testing.assert_close(photo, torch.full((1, 16, 16), float(value)))
    assert batch.ab.abs().max() < 1e-4


@pytest.mark.parametrize("jitter", [0.1, 0.9])
def test_jitter_changes_lightness_and_contrast_of_each_photo_and_no_colour(jitter):
    photos = noise(12)
    data, shaken = Batches(photos, TINY), Batches(photos, dataclasses.replace(TINY, jitter=jitter))
    lines = []
    for step in range(6):
        bare, found = data.at(step, 0), shaken.at(step, 0)
        assert torch.equal(bare.ab, found.ab)
        assert found.lightness.min() >= -1 and found.lightness.max() <= 1
        for before, after in zip(bare.lightness.flatten(1).numpy(), found.lightness.flatten(1).numpy()):
            inside = np.abs(after) < 1
            contrast, shift = np.polyfit(before[inside], after[inside], 1)
            np.testing.assert_allclose(after, np.clip(contrast * before + shift, -1, 1), atol=1e-4)
            lines.append((contrast - 1, shift))
    lines = np.array(lines)  # (24, 2)
    assert (np.abs(lines) <= jitter + 1e-3).all() and (np.ptp(lines, axis=0) > jitter).all()
    assert len({tuple(line) for line in lines.round(5)}) == 24 and abs(np.corrcoef(lines.T)[0, 1]) < 0.5


def test_the_photos_themselves_are_never_changed():
    photos = noise(8)
    data = Batches(photos, dataclasses.replace(TINY, jitter=0.5))
    before = photos.clone()
    for step in range(4):
        batch = data.at(step, 0)
        batch.lightness.zero_(), batch.ab.zero_()
    assert torch.equal(photos, before) and torch.equal(data.photos, before)


# ---- hints


HINTED = dataclasses.replace(TINY, hints="spread", rounds=3)


def guesser():
    """A network without hints and with strong colours."""
    torch.manual_seed(2)
    network = UNet(2, 1)
    with torch.no_grad():
        network.head.weight.mul_(10)
    return network.eval()


@pytest.fixture(scope="module", params=["mean", "network"])
def hinted(request):
    """Batches of eleven photos with hints, 2 in an epoch; the prior is their mean colour, or painted."""
    return Batches(noise(11), HINTED, priors=[guesser()] if request.param == "network" else [])


def test_without_hints_nothing_is_told_of_them():
    data = Batches(noise(5), TINY)
    assert data.samples is None and data.at(0, 0).hint_channels is None and data.at(0, 0).weight is None
    told = Batches(noise(5), TINY, priors=[guesser()])
    assert told.samples is None and same(told.at(0, 0), data.at(0, 0))


def test_hints_are_drawn_once_when_they_are_first_needed(monkeypatch):
    drawn, draw = [], hint_inputs.draw
    monkeypatch.setattr(hint_inputs, "draw", lambda *given: drawn.append(given) or draw(*given))
    network, photos = guesser(), noise(5)
    data = Batches(photos, HINTED, priors=[network])
    data.order(0, 0)
    assert not drawn
    first = data.at(0, 0)
    assert same(data.at(0, 0), first) and data.samples is data.samples and first.hint_channels.shape == (4, 6, 16, 16)
    ((given, config, priors),) = drawn
    assert torch.equal(given, photos) and config is HINTED and priors == [network]


def test_the_prior_changes_what_is_told_and_nothing_else():
    photos = noise(11)
    one, other = Batches(photos, HINTED), Batches(photos, HINTED, priors=[guesser()])
    for step in range(4):
        mine, theirs = one.at(step, 0), other.at(step, 0)
        assert torch.equal(mine.lightness, theirs.lightness) and torch.equal(mine.ab, theirs.ab)
        assert torch.equal(mine.hint_channels[:, 2:4], theirs.hint_channels[:, 2:4])  # where hints are, and how near
        assert not torch.equal(mine.hint_channels[:, :2], theirs.hint_channels[:, :2])
        assert (
            mine.hint_channels[:, 4:].flatten(2).std(dim=2).max()
            < 1e-6
            < theirs.hint_channels[:, 4:].flatten(2).std(dim=2).min()
        )


def test_the_guess_of_a_batch_is_what_the_network_paints_of_its_photos():
    """Found again in the whole photos, cut and flipped as the lightness is."""
    photos, network = noise(8), guesser()
    data = Batches(photos, HINTED, priors=[network])
    whole = hint_inputs.guesses(photos, [network]).float() / 110
    lab = lab_of(photos)
    for step in range(6):
        batch, order = data.at(step, 0), data.order(step // 2, 0)[step % 2]
        for photo, piece, told in zip(order, lab_back(batch), batch.hint_channels[:, 4:], strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(lab[photo], (16, 16), axis=(1, 2))
            fits = []
            for way in (1, -1):
                error = np.abs(windows - piece[:, None, None, :, ::way]).max(axis=(0, 3, 4))
                fits += [(way, *place) for place in np.argwhere(error < 1e-3)]
            ((way, top, left),) = fits
            expected = whole[photo, :, top : top + 16, left : left + 16]
            torch.testing.assert_close(told if way == 1 else told.flip(-1), expected, atol=1e-6, rtol=0)


def test_where_nothing_is_known_the_guess_is_what_is_spread(hinted):
    seen = 0
    for step in range(24):
        channels = hinted.at(step, 0).hint_channels
        nothing = ~channels[:, 2].flatten(1).any(dim=1)
        seen += int(nothing.sum())
        assert torch.equal(channels[nothing, :2], channels[nothing, 4:]) and not channels[nothing, 2:4].any()
    assert seen


@pytest.mark.parametrize("hints", ["given", "spread"])
def test_with_hints_too_a_batch_depends_on_step_and_seed_alone(hints):
    config, photos = dataclasses.replace(HINTED, hints=hints, jitter=0.2), noise(11)
    data = Batches(photos, config, priors=[guesser()])
    first = {step: data.at(step, 3) for step in range(7)}
    assert first[0].hint_channels.shape == (4, hint_inputs.PLANES[hints][0] - 1, 16, 16) and first[0].weight.shape == (
        4,
        1,
        1,
        1,
    )
    other = Batches(photos.clone(), config, priors=[guesser()])
    for step in (5, 0, 6, 6, 2, 4, 1, 3):
        torch.manual_seed(step)
        np.random.seed(step)
        other.at(step, 4)
        assert same(other.at(step, 3), first[step])
    assert not same(first[0], data.at(0, 4))
    assert not any(same(first[i], first[j]) for i in range(7) for j in range(i))


def test_hints_belong_to_the_photo_the_crop_and_the_round_of_the_epoch(hinted):
    """Found again among the samples by the numbers of the order; the coin flips all alike."""
    coins, lab = [], lab_of(hinted.photos)
    for step in range(16):
        batch, order, round_ = hinted.at(step, 0), hinted.order(step // 2, 0)[step % 2], step // 2 % 3
        rows = order * 3 + round_
        samples = hinted.samples
        corners = samples.corners[rows].tolist()
        guess = [samples.guess[i, :, y : y + 16, x : x + 16] for i, (y, x) in zip(order, corners)]
        spread, guess = samples.spread[rows].float() / 110, torch.stack(guess).float() / 110
        expected = torch.cat([spread, samples.known[rows], samples.near[rows], guess], dim=1)
        coins.append(not torch.equal(batch.hint_channels, expected))
        if coins[-1]:
            assert torch.equal(batch.hint_channels.flip(-1), expected)
        for photo, row, piece in zip(order, rows, lab_back(batch), strict=True):
            top, left = samples.corners[row].tolist()
            cut = lab[photo, :, top : top + 16, left : left + 16]
            np.testing.assert_allclose(piece[..., ::-1] if coins[-1] else piece, cut, atol=1e-3)
    assert 0 < sum(coins) < 16


def test_where_single_pixels_are_known_they_are_the_batchs_own(hinted):
    levels, seen = torch.tensor(hint_inputs.LEVELS), 0
    for step in range(24):
        batch = hinted.at(step, 2)
        rows = hinted.order(step // 2, 2)[step % 2] * 3 + step // 2 % 3
        level = levels[hinted.samples.level[rows]]
        single = (level > 0) & (level <= 1)  # larger patches may overlap, and have their mean
        known = batch.hint_channels[:, 2:3].bool() & single[:, None, None, None]
        seen += int(known.sum())
        error = ((batch.hint_channels[:, :2] - batch.ab).abs() * known).amax()
        assert error < 1e-3  # of a* / 110, in half precision
    assert seen > 300


def test_the_rounds_come_in_turn():
    """With one crop and one batch of all photos, the same hints come again after as many epochs as there are rounds."""
    data = Batches(noise(4), HINTED)
    assert data.per_epoch == 1
    sums = [data.at(step, 0).hint_channels[:, 2].sum(dim=(1, 2)).sort().values.tolist() for step in range(9)]
    assert sums[:3] == sums[3:6] == sums[6:] and sums[0] != sums[1] != sums[2] != sums[0]


def test_jitter_changes_no_hint(hinted):
    shaken = Batches(hinted.photos, dataclasses.replace(HINTED, jitter=0.4), priors=hinted.priors)
    for step in range(3):
        plain, found = hinted.at(step, 0), shaken.at(step, 0)
        assert not torch.equal(plain.lightness, found.lightness)
        assert all(map(torch.equal, plain[1:4], found[1:4]))


# ---- several devices


@pytest.mark.parametrize("hints", HINTS)
@pytest.mark.parametrize("world", [2, 4])
def test_the_parts_of_all_devices_make_the_whole_batch(world, hints):
    config, photos = dataclasses.replace(TINY, batch=8, jitter=0.3, hints=hints), noise(19)
    whole = Batches(photos, config, priors=[guesser()])
    shares = [Batches(photos, config, rank=rank, world=world, priors=[guesser()]) for rank in range(world)]
    assert {share.per_epoch for share in shares} == {whole.per_epoch} == {2}
    for step in range(5):
        parts = [share.at(step, 1) for share in shares]
        assert all(len(part.ab) == 8 // world for part in parts)
        expected = whole.at(step, 1)
        assert (expected.hint_channels is None) == (expected.weight is None) == (hints == "none")
        for mine, theirs in zip(zip(*parts), expected, strict=True):
            if theirs is None:
                assert mine == (None,) * world
                continue
            mine = torch.cat(mine)
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)  # other vector lengths may round otherwise


@pytest.mark.parametrize(("batch", "world"), [(4, 3), (5, 2), (1, 2)])
def test_a_batch_that_cannot_be_shared_is_refused(batch, world):
    with pytest.raises(UserError, match=f"a batch of {batch} cannot be shared by {world} devices"):
        Batches(noise(8), dataclasses.replace(TINY, batch=batch), world=world)


@pytest.mark.cuda
@pytest.mark.parametrize("hints", HINTS)
def test_photos_live_on_the_gpu_when_they_fit(monkeypatch, hints):
    if hints != "none":
        pytest.importorskip("pyamg")
    config, photos = dataclasses.replace(TINY, jitter=0.2, hints=hints), noise(9)
    fitting, here = (Batches(photos, config, device, priors=[guesser()]) for device in ("cuda", "cpu"))
    assert fitting.photos.is_cuda
    monkeypatch.setattr(batches, "_fits", lambda *_: False)
    pinned = Batches(photos, config, "cuda", priors=[guesser()])
    assert not pinned.photos.is_cuda and pinned.photos.is_pinned()
    for step in range(3):
        found = fitting.at(step, 0)
        assert found.lightness.is_cuda and found.ab.is_cuda and same(found, pinned.at(step, 0))
        for mine, theirs in zip(found, here.at(step, 0), strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                torch.testing.assert_close(mine.cpu(), theirs, rtol=0, atol=1e-5)


def test_photos_must_leave_as_much_room_again(monkeypatch):
    photos = noise(10)
    for free, fits in ((2 * photos.nbytes + 1, True), (2 * photos.nbytes, False), (photos.nbytes, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        assert batches._fits(photos, torch.device("cuda")) == fits
        assert batches._fits(photos, torch.device("cpu"))


@pytest.mark.parametrize("count", [4, 9, 8])
def test_vivid_epochs_visit_the_more_colourful_half_twice_and_then_all(count):
    greys = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 20, 20).clone()
    vivid = list(range(1, count, 2)) + ([0] if count % 2 else [])  # the half, rounded up
    for i, photo in enumerate(vivid):
        greys[photo, 0] += 100 + 10 * i
    data = Batches(greys, dataclasses.replace(TINY, vivid=2, batch=count))
    assert data.vivid.tolist() == vivid[::-1]  # the most colourful first
    for epoch in (0, 1):
        visited = data.order(epoch, 3).flatten().tolist()
        assert set(visited) == set(vivid) and len(visited) == count and max(map(visited.count, visited)) == 2
    assert sorted(data.order(2, 3).flatten().tolist()) == list(range(count))
    assert not torch.equal(data.order(0, 3), data.order(1, 3))
