#include "summary.hpp"

#include <algorithm>

namespace tilth {

Summary summarize(std::span<const std::int16_t> pixels, std::int16_t no_data) noexcept {
  // In runs whose sum fits into 32 bits, of which a vector holds twice as many.
  constexpr std::size_t kRun = 1 << 15;
  std::int16_t least = 32767, largest = -32768;
  std::int64_t sum = 0, valid = 0;
  for (std::size_t from = 0; from < pixels.size(); from += kRun) {
    const auto run = pixels.subspan(from, std::min(kRun, pixels.size() - from));
    std::int32_t run_sum = 0, run_valid = 0;
    for (const std::int16_t v : run) {
      const bool is_valid = v != no_data;
      run_sum += is_valid ? v : 0;
      run_valid += is_valid;
      least = std::min<std::int16_t>(least, is_valid ? v : 32767);
      largest = std::max<std::int16_t>(largest, is_valid ? v : -32768);
    }
    sum += run_sum;
    valid += run_valid;
  }
  return {least, largest, sum, valid};
}

}  // namespace tilth
