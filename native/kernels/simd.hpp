#pragma once
#include <string_view>

#include "rows.hpp"

namespace tilth {

struct SimdTarget {
  std::string_view
      name;  ///< "baseline", "avx2" or "avx512"; "unsupported" when TILTH_SIMD asks for what is not there
  const RowFunctions* rows;  ///< never null
};

/// The instruction set in use: the best that CPU and operating system offer, or the one that the environment
/// variable TILTH_SIMD names. Read once, at the first call. All targets give the same bytes.
const SimdTarget& simd_target() noexcept;

}  // namespace tilth
