#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// A rectangle inside a larger row-major array: `stride` elements from one row to the next.
template <typename T>
struct Plane {
  std::span<T> pixels;
  std::ptrdiff_t stride;
  int width, height;
};

/// Halves an image by the mean of 2 x 2 pixels, leaving no-data out; no-data where all of them are. Rounds to
/// nearest, halves away from zero. Odd last columns and rows take the mean of the pixels that exist.
/// @param in   width x height pixels, each side >= 1.
/// @param out  ceil(width / 2) x ceil(height / 2). Must not overlap `in`.
/// Allocates nothing, never throws.
void halve_mean_i16(const Plane<const std::int16_t>& in, std::int16_t no_data,
                    const Plane<std::int16_t>& out) noexcept;

/// Halves an image by keeping the upper left one of 2 x 2 pixels: for classes and bits, where a mean means
/// nothing.
void halve_nearest_u8(const Plane<const std::uint8_t>& in, const Plane<std::uint8_t>& out) noexcept;
/// As `halve_nearest_u8`; also fits int16, whose bits are only moved.
void halve_nearest_u16(const Plane<const std::uint16_t>& in, const Plane<std::uint16_t>& out) noexcept;

}  // namespace tilth
