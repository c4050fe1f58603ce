"""Pictures without a library are pictures to others, and their colours can be told apart."""
import io

import numpy as np
import pytest

from core_scripts.report.png import SHADES, difference_palette, encode_png, level_palette, shade


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE 1976 L* of (n, 3) sRGB values in [0, 255]."""
    linear = colours / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def test_every_pixel_comes_back_with_its_colour():
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the pictures; pip install pillow")
    indices = np.random.default_rng(0).integers(0, SHADES, (13, 29)).astype(np.uint8)
    read = image.open(io.BytesIO(encode_png(indices, level_palette()))).convert("RGBA")
    assert read.size == (29, 13)
    assert (np.asarray(read) == level_palette()[indices]).all()


def test_levels_get_lighter_at_every_step():
    steps = np.diff(lightness(level_palette()[:, :3].astype(float)))
    assert (steps > 0).all() and steps.max() < 4 * steps.mean()


def test_differences_of_one_size_are_equally_solid_and_none_is_clear():
    palette = difference_palette()
    assert palette[SHADES - 1, 3] == 0 and (palette[:, 3] == palette[::-1, 3]).all()
    assert palette[0, 2] > palette[0, 0] and palette[-1, 0] > palette[-1, 2]  # blue less, orange more


def test_values_outside_of_the_scale_get_its_ends():
    assert shade(np.array([-9.0, 0.0, 5.0, 10.0, 99.0, np.nan]), 0.0, 10.0, 11).tolist() == [0, 0, 5, 10, 10, 0]
