#include "halve.hpp"

#include "simd.hpp"

namespace tilth {

void halve_mean_i16(const Plane<const std::int16_t>& in, std::int16_t no_data,
                    const Plane<std::int16_t>& out) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  for (int y = 0; y < out.height; ++y) {
    const bool single = 2 * y + 1 >= in.height;
    const std::int16_t* first = in.pixels.data() + 2 * y * in.stride;
    rows.halve_i16(first, single ? first : first + in.stride, in.width, no_data, single,
                   out.pixels.data() + y * out.stride);
  }
}

void halve_nearest_u8(const Plane<const std::uint8_t>& in, const Plane<std::uint8_t>& out) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  for (int y = 0; y < out.height; ++y)
    rows.pick_u8(in.pixels.data() + 2 * y * in.stride, out.width, out.pixels.data() + y * out.stride);
}

void halve_nearest_u16(const Plane<const std::uint16_t>& in, const Plane<std::uint16_t>& out) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  for (int y = 0; y < out.height; ++y)
    rows.pick_u16(in.pixels.data() + 2 * y * in.stride, out.width, out.pixels.data() + y * out.stride);
}

}  // namespace tilth
