#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// Least, largest and sum of the pixels that are not no-data, and how many these are. Without one `least` is
/// 32767 and `largest` -32768. Sums of whole numbers are exact: blocks add up in any order.
struct Summary {
  std::int16_t least, largest;
  std::int64_t sum;
  std::int64_t valid;
};

/// Sums up a block of pixels. Allocates nothing, never throws.
Summary summarize(std::span<const std::int16_t> pixels, std::int16_t no_data) noexcept;

}  // namespace tilth
