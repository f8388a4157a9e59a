#include "resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tilth {
namespace {

constexpr std::uint16_t kSaturated = 65535;
/// Pixels of one row that are told good or not together.
constexpr int kRun = 64;

bool is_measured(std::uint16_t dn) { return dn != 0 && dn != kSaturated; }

/// Weights of the pixels at -1, 0, 1, 2 for a place `t` in [0, 1) between the second and the third.
std::array<float, 4> cubic_weights(double t) {
  const double t2 = t * t, t3 = t2 * t;
  return {static_cast<float>(-0.5 * t3 + t2 - 0.5 * t), static_cast<float>(1.5 * t3 - 2.5 * t2 + 1),
          static_cast<float>(-1.5 * t3 + 2 * t2 + 0.5 * t), static_cast<float>(0.5 * t3 - 0.5 * t2)};
}

std::uint16_t rounded(float value) {
  return static_cast<std::uint16_t>(std::clamp(value, 1.0f, 65534.0f) + 0.5f);
}

/// Without SSE4.1, which the baseline lacks, std::floor is a call.
int floor_of(double value) {
  const int whole = static_cast<int>(value);
  return whole - (value < whole ? 1 : 0);
}

/// A place along one axis: the pixel before it and the weights around, and the nearest pixel.
struct Along {
  explicit Along(double at)
      : before(floor_of(at)), nearest(floor_of(at + 0.5)), weights(cubic_weights(at - before)) {}
  int before, nearest;
  std::array<float, 4> weights;
};

/// Any pixel, whatever lies around it. `across`, `down` count from the piece's first pixel.
std::uint16_t cubic_at(const ImagePiece& image, const Along& across, const Along& down) {
  if (across.nearest < 0 || down.nearest < 0 || across.nearest >= image.width || down.nearest >= image.height)
    return 0;
  const auto at = [&](int column, int row) {
    return image.pixels[static_cast<std::size_t>(row) * image.width + column];
  };
  const std::uint16_t nearest = at(across.nearest, down.nearest);
  if (!is_measured(nearest)) return nearest;
  const auto in_its_place = static_cast<float>(nearest);
  const int left = across.before - 1, top = down.before - 1;
  const bool is_inside = left >= 0 && top >= 0 && left + 4 <= image.width && top + 4 <= image.height;
  std::array<float, 4> columns{};
  for (int i = 0; i < 4; ++i) {
    std::array<float, 4> values;
    for (int j = 0; j < 4; ++j) {
      const bool is_there =
          is_inside || (left + i >= 0 && top + j >= 0 && left + i < image.width && top + j < image.height);
      const std::uint16_t dn = is_there ? at(left + i, top + j) : 0;
      values[j] = is_measured(dn) ? static_cast<float>(dn) : in_its_place;
    }
    columns[i] = (down.weights[0] * values[0] + down.weights[1] * values[1]) +
                 (down.weights[2] * values[2] + down.weights[3] * values[3]);
  }
  return rounded((across.weights[0] * columns[0] + across.weights[1] * columns[1]) +
                 (across.weights[2] * columns[2] + across.weights[3] * columns[3]));
}

/// Whether all pixels of a row's piece are measured; without a branch in the loop, so that it runs in
/// vectors.
bool all_measured(const std::uint16_t* pixels, int n) {
  unsigned bad = 0;
  for (int i = 0; i < n; ++i)
    bad |= static_cast<unsigned>(pixels[i] == 0) | static_cast<unsigned>(pixels[i] == kSaturated);
  return bad == 0;
}

}  // namespace

void resample_cubic(const ImagePiece& image, const ImagePlaces& places, int width, int height,
                    std::span<std::uint16_t> out) noexcept {
  for (int y = 0; y < height; ++y) {
    const int j = y / kNodeStep;
    const double v = static_cast<double>(y % kNodeStep) / kNodeStep;
    // The last pixels may lie on the last nodes themselves.
    const int below = std::min(j + 1, places.rows - 1);
    for (int x = 0; x < width; ++x) {
      const int i = x / kNodeStep;
      const double u = static_cast<double>(x % kNodeStep) / kNodeStep;
      const int right = std::min(i + 1, places.columns - 1);
      const auto between = [&](std::span<const double> of) {
        const auto node = [&](int row, int column) {
          return of[static_cast<std::size_t>(row) * places.columns + column];
        };
        const double upper = node(j, i) + u * (node(j, right) - node(j, i));
        const double lower = node(below, i) + u * (node(below, right) - node(below, i));
        return upper + v * (lower - upper);
      };
      out[static_cast<std::size_t>(y) * width + x] =
          cubic_at(image, Along(between(places.column) - image.x), Along(between(places.row) - image.y));
    }
  }
}

void shift_cubic(const ImagePiece& image, double columns, double rows, int x, int y, int width, int height,
                 std::span<std::uint16_t> out) noexcept {
  // Of the shift alone, so that a pixel does not depend on where its block begins.
  const Along by_columns(columns), by_rows(rows);
  const auto moved = [](const Along& by, int to) {
    Along along = by;
    along.before += to;
    along.nearest += to;
    return along;
  };
  for (int row = 0; row < height; ++row) {
    const Along down = moved(by_rows, y + row - image.y);
    for (int first = 0; first < width; first += kRun) {
      const int n = std::min(kRun, width - first);
      std::uint16_t* to = out.data() + static_cast<std::size_t>(row) * width + first;
      const int left = by_columns.before - 1 + x + first - image.x;
      const int top = down.before - 1;
      bool is_good = left >= 0 && top >= 0 && left + n + 3 <= image.width && top + 4 <= image.height;
      const std::uint16_t* from = image.pixels.data() + static_cast<std::ptrdiff_t>(top) * image.width + left;
      for (int j = 0; is_good && j < 4; ++j) is_good = all_measured(from + j * image.width, n + 3);
      if (!is_good) {
        for (int i = 0; i < n; ++i) to[i] = cubic_at(image, moved(by_columns, x + first + i - image.x), down);
        continue;
      }
      std::array<float, kRun + 3> sums;
      const std::uint16_t *r0 = from, *r1 = r0 + image.width, *r2 = r1 + image.width, *r3 = r2 + image.width;
      const auto [w0, w1, w2, w3] = down.weights;
      for (int i = 0; i < n + 3; ++i)
        sums[i] = (w0 * static_cast<float>(r0[i]) + w1 * static_cast<float>(r1[i])) +
                  (w2 * static_cast<float>(r2[i]) + w3 * static_cast<float>(r3[i]));
      const auto [c0, c1, c2, c3] = by_columns.weights;
      for (int i = 0; i < n; ++i)
        to[i] = rounded((c0 * sums[i] + c1 * sums[i + 1]) + (c2 * sums[i + 2] + c3 * sums[i + 3]));
    }
  }
}

}  // namespace tilth
