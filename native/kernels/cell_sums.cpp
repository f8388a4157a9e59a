#include "cell_sums.hpp"

#include <algorithm>

namespace tilth {

void cell_sums(const Plane<const std::int16_t>& in, std::int16_t no_data, int side, int left, int above,
               int columns, std::span<std::int32_t> sums, std::span<std::int32_t> counts) noexcept {
  std::fill(sums.begin(), sums.end(), 0);
  std::fill(counts.begin(), counts.end(), 0);
  for (int y = 0; y < in.height; ++y) {
    const std::int16_t* row = in.pixels.data() + y * in.stride;
    const std::ptrdiff_t cells = static_cast<std::ptrdiff_t>((y + above) / side) * columns;
    int cell = 0;
    for (int x = 0; x < in.width; ++cell) {
      const int end = std::min(in.width, (cell + 1) * side - left);
      std::int32_t sum = 0, count = 0;
      for (; x < end; ++x) {
        const bool is_valid = row[x] != no_data;
        sum += is_valid ? row[x] : 0;
        count += is_valid;
      }
      sums[cells + cell] += sum;
      counts[cells + cell] += count;
    }
  }
}

}  // namespace tilth
