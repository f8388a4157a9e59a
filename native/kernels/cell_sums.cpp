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

void sensor_cells(const Plane<const std::uint16_t>& in, std::span<const std::uint8_t> detector, int side,
                  int left, int above, int columns, const SensorCells& out) noexcept {
  std::fill(out.sums.begin(), out.sums.end(), 0u);
  std::fill(out.counts.begin(), out.counts.end(), 0);
  std::fill(out.saturated.begin(), out.saturated.end(), 0);
  std::fill(out.detectors.begin(), out.detectors.end(), 0u);
  for (int y = 0; y < in.height; ++y) {
    const std::uint16_t* row = in.pixels.data() + y * in.stride;
    const std::uint8_t* seen_by = detector.data() + static_cast<std::ptrdiff_t>(y) * in.width;
    const std::ptrdiff_t cells = static_cast<std::ptrdiff_t>((y + above) / side) * columns;
    int cell = 0;
    for (int x = 0; x < in.width; ++cell) {
      const int end = std::min(in.width, (cell + 1) * side - left);
      std::uint32_t sum = 0, seen = 0;
      std::int32_t count = 0, saturated = 0;
      for (; x < end; ++x) {
        const bool has_data = row[x] != 0 && seen_by[x] != 0, is_saturated = row[x] == 65535;
        const bool counts = has_data && !is_saturated;
        sum += counts ? row[x] : 0u;
        count += counts;
        saturated += has_data && is_saturated;
        seen |= has_data ? 1u << std::min<int>(seen_by[x], 31) : 0u;
      }
      out.sums[cells + cell] += sum;
      out.counts[cells + cell] += count;
      out.saturated[cells + cell] += saturated;
      out.detectors[cells + cell] |= seen;
    }
  }
}

}  // namespace tilth
