#include "resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "simd.hpp"

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

using Weights = std::array<float, 4>;

/// Weights at each phase; the last is that of the next pixel itself.
const std::array<Weights, kPhases + 1>& weights_by_phase() {
  static const auto table = [] {
    std::array<Weights, kPhases + 1> made;
    for (int i = 0; i <= kPhases; ++i) made[i] = cubic_weights(static_cast<double>(i) / kPhases);
    return made;
  }();
  return table;
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
  int before, nearest;
  const Weights& weights;
};

/// Not 0 where one of four pixels side by side is 0 or 65535, all at once: a number of 16 bits is 0 where
/// taking off 1 borrows into its highest bit (which a pixel above 32767 beside a 0 may set too: then it is
/// not 0 either).
std::uint64_t unmeasured_of_four(const std::uint16_t* pixels) {
  constexpr std::uint64_t kOnes = 0x0001000100010001ULL, kHighest = 0x8000800080008000ULL;
  std::uint64_t four;
  std::memcpy(&four, pixels, sizeof four);
  const auto zeros = [](std::uint64_t of) { return (of - kOnes) & ~of & kHighest; };
  return zeros(four) | zeros(~four);
}

/// Any pixel, whatever lies around it. `across`, `down` count from the piece's first pixel.
std::uint16_t cubic_at(const ImagePiece& image, const Along& across, const Along& down) {
  if (across.nearest < 0 || down.nearest < 0 || across.nearest >= image.width || down.nearest >= image.height)
    return 0;
  const auto at = [&](int column, int row) {
    return image.pixels[static_cast<std::size_t>(row) * image.width + column];
  };
  const int left = across.before - 1, top = down.before - 1;
  const bool is_inside = left >= 0 && top >= 0 && left + 4 <= image.width && top + 4 <= image.height;
  const auto& c = across.weights;
  const auto& r = down.weights;
  if (is_inside) {
    const std::uint16_t* from = image.pixels.data() + static_cast<std::size_t>(top) * image.width + left;
    std::array<const std::uint16_t*, 4> lines;
    std::uint64_t bad = 0;
    for (int j = 0; j < 4; ++j) {
      lines[j] = from + static_cast<std::ptrdiff_t>(j) * image.width;
      bad |= unmeasured_of_four(lines[j]);
    }
    // Four columns at once: written so that compilers take vectors.
    std::array<float, 4> columns, upper, lower;
    for (int i = 0; i < 4; ++i)
      upper[i] = r[0] * static_cast<float>(lines[0][i]) + r[1] * static_cast<float>(lines[1][i]);
    for (int i = 0; i < 4; ++i)
      lower[i] = r[2] * static_cast<float>(lines[2][i]) + r[3] * static_cast<float>(lines[3][i]);
    for (int i = 0; i < 4; ++i) columns[i] = upper[i] + lower[i];
    if (bad == 0)
      return rounded((c[0] * columns[0] + c[1] * columns[1]) + (c[2] * columns[2] + c[3] * columns[3]));
  }
  const std::uint16_t nearest = at(across.nearest, down.nearest);
  if (!is_measured(nearest)) return nearest;
  const auto in_its_place = static_cast<float>(nearest);
  std::array<float, 4> columns{};
  for (int i = 0; i < 4; ++i) {
    std::array<float, 4> values;
    for (int j = 0; j < 4; ++j) {
      const bool is_there =
          is_inside || (left + i >= 0 && top + j >= 0 && left + i < image.width && top + j < image.height);
      const std::uint16_t dn = is_there ? at(left + i, top + j) : 0;
      values[j] = is_measured(dn) ? static_cast<float>(dn) : in_its_place;
    }
    columns[i] = (r[0] * values[0] + r[1] * values[1]) + (r[2] * values[2] + r[3] * values[3]);
  }
  return rounded((c[0] * columns[0] + c[1] * columns[1]) + (c[2] * columns[2] + c[3] * columns[3]));
}

/// Whether a run and all pixels around it lie inside the piece and are measured.
bool is_plain(const ImagePiece& image, double column, double row, double by_column, double by_row, int n,
              const RowFunctions& rows) noexcept {
  const double last_column = column + (n - 1) * by_column, last_row = row + (n - 1) * by_row;
  const int left = floor_of(std::min(column, last_column)) - 1;
  const int right = floor_of(std::max(column, last_column)) + 3;
  const int top = floor_of(std::min(row, last_row)) - 1, bottom = floor_of(std::max(row, last_row)) + 3;
  if (left < 0 || top < 0 || right > image.width || bottom > image.height) return false;
  return rows.all_measured(image.pixels.data() + static_cast<std::ptrdiff_t>(top) * image.width + left,
                           image.width, right - left, bottom - top);
}

}  // namespace

void resample_cubic(const ImagePiece& image, const ImagePlaces& places, int width, int height,
                    std::span<std::uint16_t> out) noexcept {
  static_assert(kNodeStep <= kCubicRun && sizeof(Weights) == 4 * sizeof(float));
  const RowFunctions& rows = *simd_target().rows;
  const auto& phases = weights_by_phase();
  const auto along = [&](double at) {
    const int before = floor_of(at);
    const int phase = static_cast<int>((at - before) * kPhases + 0.5);
    return Along{before, floor_of(at + 0.5), phases[phase]};
  };
  for (int y = 0; y < height; ++y) {
    const int j = y / kNodeStep;
    const double v = static_cast<double>(y % kNodeStep) / kNodeStep;
    // The last pixels may lie on the last nodes themselves.
    const int below = std::min(j + 1, places.rows - 1);
    for (int first = 0; first < width; first += kNodeStep) {
      const int i = first / kNodeStep, right = std::min(i + 1, places.columns - 1);
      const auto on_row = [&](std::span<const double> of, int column) {
        const double upper = of[static_cast<std::size_t>(j) * places.columns + column];
        return upper + v * (of[static_cast<std::size_t>(below) * places.columns + column] - upper);
      };
      const double column = on_row(places.column, i) - image.x, row = on_row(places.row, i) - image.y;
      const double by_column = (on_row(places.column, right) - image.x - column) / kNodeStep;
      const double by_row = (on_row(places.row, right) - image.y - row) / kNodeStep;
      std::uint16_t* to = out.data() + static_cast<std::size_t>(y) * width + first;
      const int n = std::min(kNodeStep, width - first);
      if (is_plain(image, column, row, by_column, by_row, n, rows)) {
        rows.cubic_run(
            {image.pixels.data(), image.width, column, row, by_column, by_row, n, phases[0].data(), to});
        continue;
      }
      for (int k = 0; k < n; ++k) {
        to[k] = cubic_at(image, along(column + k * by_column), along(row + k * by_row));
      }
    }
  }
}

void shift_cubic(const ImagePiece& image, double columns, double rows, int x, int y, int width, int height,
                 std::span<std::uint16_t> out) noexcept {
  const RowFunctions& rows_of_target = *simd_target().rows;
  // Of the shift alone, so that a pixel does not depend on where its block begins.
  const Weights c = cubic_weights(columns - floor_of(columns)), r = cubic_weights(rows - floor_of(rows));
  const Along by_columns{floor_of(columns), floor_of(columns + 0.5), c};
  const Along by_rows{floor_of(rows), floor_of(rows + 0.5), r};
  const auto moved = [](const Along& by, int to) {
    return Along{by.before + to, by.nearest + to, by.weights};
  };
  for (int row = 0; row < height; ++row) {
    const Along down = moved(by_rows, y + row - image.y);
    for (int first = 0; first < width; first += kRun) {
      const int n = std::min(kRun, width - first);
      std::uint16_t* to = out.data() + static_cast<std::size_t>(row) * width + first;
      const int left = by_columns.before - 1 + x + first - image.x;
      const int top = down.before - 1;
      const std::uint16_t* from = image.pixels.data() + static_cast<std::ptrdiff_t>(top) * image.width + left;
      const bool is_good = left >= 0 && top >= 0 && left + n + 3 <= image.width && top + 4 <= image.height &&
                           rows_of_target.all_measured(from, image.width, n + 3, 4);
      if (!is_good) {
        for (int i = 0; i < n; ++i) to[i] = cubic_at(image, moved(by_columns, x + first + i - image.x), down);
        continue;
      }
      std::array<float, kRun + 3> sums;
      const std::uint16_t *r0 = from, *r1 = r0 + image.width, *r2 = r1 + image.width, *r3 = r2 + image.width;
      const auto [w0, w1, w2, w3] = r;
      for (int i = 0; i < n + 3; ++i)
        sums[i] = (w0 * static_cast<float>(r0[i]) + w1 * static_cast<float>(r1[i])) +
                  (w2 * static_cast<float>(r2[i]) + w3 * static_cast<float>(r3[i]));
      const auto [c0, c1, c2, c3] = c;
      for (int i = 0; i < n; ++i)
        to[i] = rounded((c0 * sums[i] + c1 * sums[i + 1]) + (c2 * sums[i + 2] + c3 * sums[i + 3]));
    }
  }
}

}  // namespace tilth
