#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// Largest shift along either axis that is looked for, pixels.
inline constexpr int kLargestShift = 8;
/// Pixels of the image that are given around the window: the largest shift, and what interpolation reads.
inline constexpr int kShiftMargin = kLargestShift + 4;

/// Two looks at the same ground.
struct ShiftWindow {
  /// [side + 2 kShiftMargin]^2 digital numbers, 0 no-data, 65535 saturated; the window lies in the middle.
  std::span<const std::uint16_t> image;
  /// [side]^2, any scale and offset.
  std::span<const std::int16_t> reference;
  /// [side]^2: not zero on clear land of which both have data. Clouds of the image need a margin of the shift
  /// and four pixels: it is brought back across them.
  std::span<const std::uint8_t> usable;
  /// A power of two, 32 to 512.
  int side;
};

/// How far the image lies beside the reference.
struct FoundShift {
  /// Pixels to the right and down; NaN where nothing was found.
  double columns, rows;
  /// Height of the peak: 1 where all of the pattern agrees, about 0.05 where nothing does; 0 where nothing
  /// was found.
  double peak;
  /// Share of the window's pixels that were compared.
  double share;
};

/// Shift between two windows by phase correlation (Kuglin and Hines 1975, Proc. IEEE Int. Conf. Cybernetics
/// and Society, 163-165), of which a guess is known. The image is first brought back by the guess, by
/// Lanczos' kernel over 8 x 8 pixels; what hangs on a pixel that is no-data or saturated is not usable. Of
/// each window the mean within 17 x 17 pixels around is taken off, usable pixels counting alone, and what is
/// not usable is set to 0. Tapered by a Hann window. Phases count with exp(-f^2 / (2 * 0.15^2)), f in cycles
/// a pixel: that turns the peak into a Gauss curve, of which three points along each axis give the place
/// exactly. Edges of what is not usable stand at the same place in both windows and pull towards the guess,
/// by up to a quarter of what is missing (where 40 % of a smooth window are not usable): call again with what
/// was found until that is what was guessed. Then nothing pulls.
/// @param columns, rows  the guess, at most kLargestShift.
/// Allocates its work space; never throws otherwise. Double precision, one order of sums.
FoundShift phase_shift(const ShiftWindow& window, double columns, double rows);

}  // namespace tilth
