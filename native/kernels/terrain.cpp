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

/// Columns worked on at a time: their sums stay in the nearest cache.
constexpr int kChunk = 256;
constexpr int kMostReach = 32;

/// The plane of least squares through a square of heights.
struct PlaneFit {
  double east, north;  ///< metres by pixel
  double departure;    ///< sum of the squares of what departs from it, square metres
  double freedom;      ///< heights less parameters
};

/// Sums over the rows around one row, by column: of heights, of heights times rows to the north, of squares.
class ColumnSums {
 public:
  void take(const float* z, std::ptrdiff_t stride, int reach, int width) noexcept {
    std::fill_n(heights_, width, 0.0);
    std::fill_n(moments_, width, 0.0);
    std::fill_n(squares_, width, 0.0);
    for (int y = -reach; y <= reach; ++y) {
      const float* row = z - y * stride;
      for (int c = 0; c < width; ++c) {
        const double height = row[c];
        heights_[c] += height;
        moments_[c] += y * height;
        squares_[c] += height * height;
      }
    }
  }

  /// Around the column `reach` columns after column c. Over a square, x, y and 1 are orthogonal.
  PlaneFit fit(int c, int reach) const noexcept {
    const int side = 2 * reach + 1;
    double sum = 0.0, along = 0.0, up = 0.0, squares = 0.0;
    for (int k = 0; k < side; ++k) {
      sum += heights_[c + k];
      along += (k - reach) * heights_[c + k];
      up += moments_[c + k];
      squares += squares_[c + k];
    }
    const double count = static_cast<double>(side) * side;
    const double spread = count * reach * (reach + 1) / 3.0;  // sum of x^2
    // Of heights on a plane nothing is left but rounding, which may fall below 0.
    const double departure = squares - sum * sum / count - (along * along + up * up) / spread;
    return {along / spread, up / spread, std::max(0.0, departure), count - 3.0};
  }

 private:
  double heights_[kChunk + 2 * kMostReach];
  double moments_[kChunk + 2 * kMostReach];
  double squares_[kChunk + 2 * kMostReach];
};

}  // namespace

void slopes(const Heights& heights, const SlopeFit& fit, int first_row, int last_row,
            std::span<std::int16_t> east, std::span<std::int16_t> north,
            std::span<std::uint8_t> smoothness) noexcept {
  const int reach = fit.reach, columns = heights.columns - 2 * reach;
  const double per_metre = 1.0 / (2.0 * heights.pixel_m);
  ColumnSums sums;
  for (int r = first_row; r < last_row; ++r) {
    const float* here = heights.m.data() + static_cast<std::ptrdiff_t>(r + reach) * heights.columns + reach;
    std::int16_t* to_east = east.data() + static_cast<std::ptrdiff_t>(r) * columns;
    std::int16_t* to_north = north.data() + static_cast<std::ptrdiff_t>(r) * columns;
    std::uint8_t* to_smooth =
        smoothness.empty() ? nullptr : smoothness.data() + static_cast<std::ptrdiff_t>(r) * columns;
    for (int first = 0; first < columns; first += kChunk) {
      const int width = std::min(kChunk, columns - first);
      const float* z = here + first;
      if (fit.error_m > 0.0f) sums.take(z - reach, heights.columns, reach, width + 2 * reach);
      for (int c = 0; c < width; ++c, ++z) {
        double dx = (static_cast<double>(z[1]) - z[-1]) * per_metre;
        double dy = (static_cast<double>(z[-heights.columns]) - z[heights.columns]) * per_metre;
        double smooth = 0.0;
        if (fit.error_m > 0.0f) {
          const PlaneFit plane = sums.fit(c, reach);
          const double explained = static_cast<double>(fit.error_m) * fit.error_m * plane.freedom;
          const double weight = plane.departure > explained ? explained / plane.departure : 1.0;
          smooth = 255.0 * explained / (explained + plane.departure);
          dx += weight * (plane.east / heights.pixel_m - dx);
          dy += weight * (plane.north / heights.pixel_m - dy);
        }
        to_east[first + c] = stored_slope(static_cast<float>(dx));
        to_north[first + c] = stored_slope(static_cast<float>(dy));
        if (to_smooth != nullptr) to_smooth[first + c] = static_cast<std::uint8_t>(smooth + 0.5);
      }
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
