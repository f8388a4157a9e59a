#pragma once

namespace tilth {
/// Bits of the flag byte that `l2a_correct` writes beside each pixel.
inline constexpr int kNoData =
    1;  ///< output is no-data: DN 0, no detector, no coefficients, or an undefined result
inline constexpr int kSaturated = 2;  ///< DN 65535
inline constexpr int kClipped = 4;    ///< reflectance beyond +-3.2767, cut to that
inline constexpr int kNoDetector =
    8;  ///< DN was valid but the detector is 0 or has no coefficients (with kNoData)
/// On sloping ground the sun grazes: cos i below 0.2, or below a fifth of what it is on level ground.
inline constexpr int kGrazing = 16;
}  // namespace tilth
