#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// A piece of an image of digital numbers: 0 is no-data, 65535 saturated, anything else is measured.
/// `pixels` is [height][width], its first pixel stands at (x, y) of the image.
struct ImagePiece {
  std::span<const std::uint16_t> pixels;
  int x, y, width, height;
};

/// Pixels from one node to the next, along both sides of a block.
inline constexpr int kNodeStep = 64;

/// Where the centres of a block's pixels lie in the image, in its pixels; the centre of its first pixel is
/// (0, 0). Stated on nodes [rows][columns] over the pixels 0, kNodeStep, 2 kNodeStep, ..., bilinear between.
struct ImagePlaces {
  std::span<const double> column, row;
  int rows, columns;
};

/// Digital numbers between the pixels of an image by cubic convolution (Keys 1981, IEEE TASSP 29(6),
/// 1153-1160, eq. 15, a = -1/2) over 4 x 4 pixels.
/// A pixel is no-data (0) where the nearest pixel of the image is, or lies beyond the piece, and 65535 where
/// that is saturated. Of the other 15, those without a number, saturated or beyond the piece count as the
/// nearest one does: no edge of data rings, and weights always add up to 1. Results are rounded, halves up,
/// within [1, 65534].
/// @param out  [height][width]
/// The same bytes for any cut into blocks whose corners lie on nodes. Allocates nothing, never throws.
void resample_cubic(const ImagePiece& image, const ImagePlaces& places, int width, int height,
                    std::span<std::uint16_t> out) noexcept;

/// The same where every pixel lies `columns` to the right of and `rows` below its own place in the image:
/// pixel (i, j) of `out` stands at (x + i + columns, y + j + rows). Weights are the same for all pixels then.
void shift_cubic(const ImagePiece& image, double columns, double rows, int x, int y, int width, int height,
                 std::span<std::uint16_t> out) noexcept;

}  // namespace tilth
