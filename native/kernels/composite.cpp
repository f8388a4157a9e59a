#include "composite.hpp"

#include <algorithm>
#include <array>

#include "simd.hpp"

namespace tilth {
namespace {
/// Pixels at a time: their two factors stay in the first cache.
constexpr int kChunk = 512;
}  // namespace

void composite_classes(std::span<const std::uint16_t> mask, std::span<const std::uint8_t> class_of,
                       std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = class_of[mask[i]];
}

void least_of_four(std::span<const std::uint8_t> in, int width, int height,
                   std::span<std::uint8_t> out) noexcept {
  const int columns = (width + 1) / 2;
  for (int y = 0; y < (height + 1) / 2; ++y) {
    const std::uint8_t* upper = in.data() + static_cast<std::ptrdiff_t>(2 * y) * width;
    const std::uint8_t* lower = 2 * y + 1 < height ? upper + width : upper;
    std::uint8_t* row = out.data() + static_cast<std::ptrdiff_t>(y) * columns;
    for (int x = 0; x < columns; ++x) {
      const int right = 2 * x + 1 < width ? 2 * x + 1 : 2 * x;
      row[x] = std::min(std::min(upper[2 * x], upper[right]), std::min(lower[2 * x], lower[right]));
    }
  }
}

void composite_add(const CompositeDate& date, const CompositeState& state) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  const std::size_t n = state.rank.size();
  const std::size_t bands = n == 0 ? 0 : state.sums.size() / n;
  std::array<double, kChunk> keep{}, add{};
  for (std::size_t at = 0; at < n; at += kChunk) {
    const int length = static_cast<int>(std::min<std::size_t>(kChunk, n - at));
    std::uint8_t* classes = date.classes.data() + at;
    for (std::size_t b = 0; b < bands; ++b)
      rows.composite_exclude(date.pixels.data() + b * n + at, date.no_data, length, classes);
    rows.composite_step(classes, length, date.weight, state.rank.data() + at, state.count.data() + at,
                        keep.data(), add.data());
    for (std::size_t b = 0; b < bands; ++b)
      rows.composite_sum(date.pixels.data() + b * n + at, keep.data(), add.data(), length,
                         state.sums.data() + b * n + at);
    rows.composite_sum_one(1.0, keep.data(), add.data(), length, state.weight.data() + at);
    rows.composite_sum_one(date.day, keep.data(), add.data(), length, state.day.data() + at);
  }
}

void composite_divide(std::span<const double> sum, std::span<const double> weight, int divisor,
                      std::int16_t no_data, std::span<std::int16_t> out) noexcept {
  simd_target().rows->composite_divide(sum.data(), weight.data(), static_cast<int>(out.size()), divisor,
                                       no_data, out.data());
}

}  // namespace tilth
