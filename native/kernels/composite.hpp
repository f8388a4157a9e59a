#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// What a composite of n pixels holds between two dates. All zero before the first.
struct CompositeState {
  std::span<std::uint8_t> rank;    ///< [n] best class so far: 0 none, higher is better
  std::span<std::uint16_t> count;  ///< [n] dates of that class
  std::span<double> weight;        ///< [n] sum of their weights
  std::span<double> day;           ///< [n] sum of weight times day
  std::span<double> sums;          ///< [bands][n] sums of weight times value
};

/// One date of n pixels.
struct CompositeDate {
  std::span<const std::int16_t> pixels;  ///< [bands][n] reflectance
  std::span<std::uint8_t> classes;       ///< [n] class of the pixel; set to 0 where a band has no data
  std::int16_t no_data;
  double weight;  ///< whole number, 1 to 2^20
  double day;     ///< whole number, within 2^18 of 0, in the caller's unit
};

/// The class of each pixel.
/// @param mask      [n]
/// @param class_of  [65536] class of each value of the mask
void composite_classes(std::span<const std::uint16_t> mask, std::span<const std::uint8_t> class_of,
                       std::span<std::uint8_t> out) noexcept;

/// The least of 2 x 2 values: a pixel twice as large is as good as the worst that it covers. Odd last columns
/// and rows take those that exist.
/// @param in   [height][width]
/// @param out  [ceil(height / 2)][ceil(width / 2)]
void least_of_four(std::span<const std::uint8_t> in, int width, int height,
                   std::span<std::uint8_t> out) noexcept;

/// Adds a date: a pixel of a better class than all before starts anew with it, one of the same class adds to
/// the sums, one of a worse class is left out. Sums are of whole numbers and stay below 2^53 for 4096 dates,
/// so they are exact: the order of dates changes nothing. Allocates nothing, never throws.
void composite_add(const CompositeDate& date, const CompositeState& state) noexcept;

/// Weighted mean of one band, or of the day: sum / (weight x divisor), rounded to nearest, halves away from
/// zero.
/// @param sum, weight  [n]
/// @param divisor      whole number >= 1
/// @param out          [n]; no_data where the weight is 0
void composite_divide(std::span<const double> sum, std::span<const double> weight, int divisor,
                      std::int16_t no_data, std::span<std::int16_t> out) noexcept;

}  // namespace tilth
