#include "normalized_difference.hpp"

#include "simd.hpp"

namespace tilth {

void normalized_difference(std::span<const std::int16_t> a, std::span<const std::int16_t> b,
                           std::int16_t no_data, int min_sum, std::span<std::int16_t> out) noexcept {
  simd_target().rows->normalized_difference(a.data(), b.data(), static_cast<int>(out.size()), no_data,
                                            min_sum, out.data());
}

}  // namespace tilth
