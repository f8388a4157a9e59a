#include "terrain.hpp"

#include <algorithm>
#include <cmath>

#include "correct.hpp"

namespace tilth {
namespace {

std::int16_t stored_slope(float slope) noexcept {
  const float scaled = std::clamp(slope * kSlopeScale, -32767.0f, 32767.0f);
  return static_cast<std::int16_t>(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
}

float over_corners(const float (&corner)[4], float u, float v) noexcept {
  const float upper = corner[0] + u * (corner[1] - corner[0]);
  const float lower = corner[2] + u * (corner[3] - corner[2]);
  return upper + v * (lower - upper);
}

}  // namespace

void slopes(const Heights& heights, std::span<std::int16_t> east, std::span<std::int16_t> north) noexcept {
  const int columns = heights.columns - 2;
  const float per_metre = static_cast<float>(1.0 / (2.0 * heights.pixel_m));
  for (int r = 0; r < heights.rows - 2; ++r) {
    const float* above = heights.m.data() + static_cast<std::ptrdiff_t>(r) * heights.columns + 1;
    const float* here = above + heights.columns;
    const float* below = here + heights.columns;
    std::int16_t* to_east = east.data() + static_cast<std::ptrdiff_t>(r) * columns;
    std::int16_t* to_north = north.data() + static_cast<std::ptrdiff_t>(r) * columns;
    for (int c = 0; c < columns; ++c) {
      to_east[c] = stored_slope((here[c + 1] - here[c - 1]) * per_metre);
      to_north[c] = stored_slope((above[c] - below[c]) * per_metre);
    }
  }
}

void cast_shadows(const Heights& heights, const SunOverGrid& sun, float tolerance_m, int first_row,
                  int last_row, std::span<std::uint8_t> hidden) noexcept {
  const int rows = heights.rows, columns = heights.columns;
  const float* z = heights.m.data();
  const float highest = *std::max_element(heights.m.begin(), heights.m.end());
  const float pixel = static_cast<float>(heights.pixel_m);
  for (int r = first_row; r < last_row; ++r)
    for (int c = 0; c < columns; ++c) {
      const float u = static_cast<float>(c) / static_cast<float>(columns - 1);
      const float v = static_cast<float>(r) / static_cast<float>(rows - 1);
      const float east = over_corners(sun.east, u, v), north = over_corners(sun.north, u, v);
      const float tangent = std::sqrt(east * east + north * north);
      std::uint8_t& answer = hidden[static_cast<std::ptrdiff_t>(r) * columns + c];
      answer = 0;
      // The sun in the zenith casts no shadow.
      if (tangent < 1e-6f) continue;
      const float dx = east / tangent, dy = -north / tangent;
      const float rise = pixel / tangent;
      float height = z[static_cast<std::ptrdiff_t>(r) * columns + c] + tolerance_m;
      for (int step = 1;; ++step) {
        height += rise;
        if (height > highest) break;
        const float x = static_cast<float>(c) + dx * static_cast<float>(step);
        const float y = static_cast<float>(r) + dy * static_cast<float>(step);
        if (!(x >= 0.0f && y >= 0.0f && x <= static_cast<float>(columns - 1) &&
              y <= static_cast<float>(rows - 1)))
          break;
        const int i = std::min(static_cast<int>(x), columns - 2), j = std::min(static_cast<int>(y), rows - 2);
        const float fx = x - static_cast<float>(i), fy = y - static_cast<float>(j);
        const float* at = z + static_cast<std::ptrdiff_t>(j) * columns + i;
        const float upper = at[0] + fx * (at[1] - at[0]);
        const float lower = at[columns] + fx * (at[columns + 1] - at[columns]);
        if (upper + fy * (lower - upper) > height) {
          answer = 1;
          break;
        }
      }
    }
}

}  // namespace tilth
