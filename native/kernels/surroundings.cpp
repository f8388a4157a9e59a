#include "surroundings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tilth {

void means_around(std::span<const float> values, int rows, int columns, std::span<const float> weights,
                  int radius, int first_row, int last_row, std::span<float> out) noexcept {
  const int side = 2 * radius + 1;
  for (int r = first_row; r < last_row; ++r)
    for (int c = 0; c < columns; ++c) {
      double sum = 0, weight = 0;
      const int left = std::max(-radius, -c), right = std::min(radius, columns - 1 - c);
      for (int dy = std::max(-radius, -r); dy <= std::min(radius, rows - 1 - r); ++dy) {
        const float* v = values.data() + static_cast<std::ptrdiff_t>(r + dy) * columns + c;
        const float* w = weights.data() + static_cast<std::ptrdiff_t>(dy + radius) * side + radius;
        for (int dx = left; dx <= right; ++dx) {
          if (std::isnan(v[dx])) continue;
          sum += static_cast<double>(w[dx]) * v[dx];
          weight += w[dx];
        }
      }
      out[static_cast<std::ptrdiff_t>(r) * columns + c] =
          weight > 0 ? static_cast<float>(sum / weight) : std::numeric_limits<float>::quiet_NaN();
    }
}

}  // namespace tilth
