#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// Normalised difference of two bands, (a - b) / (a + b), pixel by pixel; NDVI with a = near infrared, b =
/// red.
/// @param a, b     [n] surface reflectance, all in one unit (our products: x 10000). Values below 0 are noise
/// of dark
///                 targets and count as 0, so that the index stays in [-1, 1].
/// @param no_data  of a, b and out. Below -10000, so that no index is taken for it.
/// @param min_sum  >= 1, in the unit of a and b. Where a + b is smaller, noise decides the ratio: no-data.
/// @param out      [n] index x 10000, rounded to nearest, halves away from zero; no-data where an input is.
/// Exact: the same bytes for any SIMD target and block shape. Any n, 0 included. Allocates nothing, never
/// throws. Source: Rouse et al. (1974), NASA SP-351, vol. 1, p. 309.
void normalized_difference(std::span<const std::int16_t> a, std::span<const std::int16_t> b,
                           std::int16_t no_data, int min_sum, std::span<std::int16_t> out) noexcept;

}  // namespace tilth
