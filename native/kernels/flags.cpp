#include "flags.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "simd.hpp"

namespace tilth {
namespace {
int nearest(int pixel, double x0, double dx, int size) noexcept {
  return static_cast<int>(std::clamp(std::floor(x0 + dx * pixel), 0.0, static_cast<double>(size - 1)));
}
}  // namespace

void or_flags(std::span<std::uint16_t> mask, const PixelWindow& window, std::span<const std::uint8_t> plane,
              int rows, int columns, const NodeAxes& axes, std::span<const std::uint16_t> bits_of) noexcept {
  const RowFunctions& simd = *simd_target().rows;
  constexpr int kChunk = 512;
  std::array<int, kChunk> column{};
  std::array<std::uint16_t, kChunk> expanded{};
  for (int x = 0; x < window.width; x += kChunk) {
    const int n = std::min(kChunk, window.width - x);
    for (int i = 0; i < n; ++i) column[i] = nearest(window.x + x + i, axes.x0, axes.dx, columns);
    // Rows of a coarse plane serve several rows of the mask: widen each only once.
    int widened = -1;
    for (int y = 0; y < window.height; ++y) {
      const int row = nearest(window.y + y, axes.y0, axes.dy, rows);
      if (row != widened) {
        const std::uint8_t* source = plane.data() + static_cast<std::ptrdiff_t>(row) * columns;
        for (int i = 0; i < n; ++i) expanded[i] = bits_of[source[column[i]]];
        widened = row;
      }
      simd.or_u16(expanded.data(), n, mask.data() + static_cast<std::ptrdiff_t>(y) * window.width + x);
    }
  }
}

}  // namespace tilth
