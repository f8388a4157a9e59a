#include "correct.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "simd.hpp"

namespace tilth {
namespace {

/// Most pressure nodes that a table may have; the binding refuses more.
constexpr int kMaxPressures = 32;

/// One cell of a node axis, the pixel from which fractions in it are counted, and the first pixel beyond it.
struct Cell {
  int index;
  int origin;
  int end;
  float f0;
};

/// First pixel at or beyond node `node`. The quotient may be off by one either way; the loops settle it with
/// the same expression that positions pixels, so that a pixel belongs to the same cell whatever block asks.
int first_pixel_of(double node, double x0, double dx) noexcept {
  double c = std::ceil((node - x0) / dx);
  c = std::clamp(c, -1e9, 1e9);
  while (x0 + dx * (c - 1) >= node) c -= 1;
  while (x0 + dx * c < node) c += 1;
  return static_cast<int>(c);
}

Cell cell_of(int pixel, int nodes, double x0, double dx) noexcept {
  const double u = x0 + dx * pixel;
  const int index = static_cast<int>(std::clamp(std::floor(u), 0.0, static_cast<double>(nodes - 2)));
  const int origin = first_pixel_of(index, x0, dx);
  const int end = index == nodes - 2 ? 2000000000 : first_pixel_of(index + 1, x0, dx);
  return {index, origin, end, static_cast<float>(x0 + dx * origin - index)};
}

float fraction_of(int pixel, const Cell& cell, double dx) noexcept {
  const float f = cell.f0 + static_cast<float>(pixel - cell.origin) * static_cast<float>(dx);
  return f > 0.0f ? (f < 1.0f ? f : 1.0f) : 0.0f;
}

/// Where one row of pixels lies on a grid.
struct RowPlace {
  Cell cell{};
  float fy = 0;
};

RowPlace place_row(int y, int rows, const NodeAxes& axes) noexcept {
  const Cell cell = cell_of(y, rows, axes.y0, axes.dy);
  return {cell, fraction_of(y, cell, axes.dy)};
}

/// Values of a grid at `n` pixels of one row, from column `x` on.
void values_of_run(std::span<const float> values, int columns, const NodeAxes& axes, int x, int n,
                   const RowPlace& row, float* out, const RowFunctions& rows) noexcept {
  const float* upper = values.data() + static_cast<std::ptrdiff_t>(row.cell.index) * columns;
  const float* lower = upper + columns;
  const float fy = row.fy;
  for (int done = 0; done < n;) {
    const Cell cell = cell_of(x + done, columns, axes.x0, axes.dx);
    const int length = std::min(n - done, cell.end - (x + done));
    const float left = upper[cell.index] + fy * (lower[cell.index] - upper[cell.index]);
    const float right = upper[cell.index + 1] + fy * (lower[cell.index + 1] - upper[cell.index + 1]);
    rows.line(out + done, length, x + done - cell.origin, cell.f0, static_cast<float>(axes.dx), left,
              right - left);
    done += length;
  }
}

/// Slopes and hidden pixels of `n` pixels of one row, from column `x` on; hidden of the nearest node.
void terrain_of_run(const Terrain& terrain, int x, int n, const RowPlace& row, float* east, float* north,
                    std::uint8_t* hidden, const RowFunctions& rows) noexcept {
  const NodeAxes& axes = terrain.axes;
  const std::ptrdiff_t upper = static_cast<std::ptrdiff_t>(row.cell.index) * terrain.columns;
  const auto slopes = [&](const std::int16_t* values, float* out) {
    rows.slope_run({values + upper, values + upper + terrain.columns, terrain.columns, row.fy, axes.x0,
                    axes.dx, x, n, 1.0f / kSlopeScale, out});
  };
  slopes(terrain.east.data(), east);
  slopes(terrain.north.data(), north);
  const std::uint8_t* nearest = terrain.hidden.data() + upper + (row.fy < 0.5f ? 0 : terrain.columns);
  for (int i = 0; i < n; ++i) {
    const double at = axes.x0 + axes.dx * (x + i) + 0.5;
    hidden[i] = nearest[static_cast<int>(std::clamp(at, 0.0, static_cast<double>(terrain.columns - 1)))];
  }
}

}  // namespace

void l2a_correct(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                 const PixelWindow& window, const CorrectionTable& table, const PressureGrid& pressure,
                 const Radiometry& radiometry, std::span<std::int16_t> out, std::span<std::uint8_t> flags,
                 const Surroundings& around, const Terrain& terrain, std::span<std::int16_t> flat) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  const int pressures = std::min(static_cast<int>(table.node_hpa.size()), kMaxPressures);
  const bool uses_pressure = pressures > 1 && !pressure.hpa.empty();
  const bool has_legs = !table.legs.empty();
  const bool is_around = has_legs && !around.reflectance.empty();
  const bool is_sloping = has_legs && !table.directions.empty() && !terrain.east.empty() && !flat.empty();
  const std::ptrdiff_t nodes = static_cast<std::ptrdiff_t>(table.rows) * table.columns;
  const int used = uses_pressure ? pressures : 1;
  std::array<float, kRunMax> hpa{}, beside{}, east{}, north{};
  std::array<std::uint8_t, kRunMax> hidden{};
  std::array<float, kMaxPressures * 3> left{}, right{};
  std::array<float, kMaxPressures * 2> legs_left{}, legs_right{};
  std::array<float, 4> directions_left{}, directions_right{};

  for (int r = 0; r < window.height; ++r) {
    const int y = window.y + r;
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(r) * window.width;
    const RowPlace at = place_row(y, table.rows, table.axes);
    const RowPlace pressure_at = uses_pressure ? place_row(y, pressure.rows, pressure.axes) : RowPlace{};
    const RowPlace around_at = is_around ? place_row(y, around.rows, around.axes) : RowPlace{};
    const RowPlace terrain_at = is_sloping ? place_row(y, terrain.rows, terrain.axes) : RowPlace{};
    for (int c = 0; c < window.width;) {
      const int x = window.x + c;
      const Cell cell = cell_of(x, table.columns, table.axes.x0, table.axes.dx);
      const int cell_end = std::min(window.width, cell.end - window.x);
      const std::ptrdiff_t node = static_cast<std::ptrdiff_t>(at.cell.index) * table.columns +
                                  static_cast<std::ptrdiff_t>(cell.index);
      // Values of one plane of nodes, `width` floats each, on the edges of the cell at this row.
      const auto edges = [&](const float* plane, int width, float* on_left, float* on_right) {
        const float* upper = plane + node * width;
        const float* lower = upper + static_cast<std::ptrdiff_t>(table.columns) * width;
        for (int k = 0; k < width; ++k) {
          on_left[k] = upper[k] + at.fy * (lower[k] - upper[k]);
          on_right[k] = upper[width + k] + at.fy * (lower[width + k] - upper[width + k]);
        }
      };
      // A cell of the table is crossed by few detectors: take runs of one detector within it.
      while (c < cell_end) {
        const std::uint8_t d = detector[row + c];
        int n = 1;
        const int most = std::min(cell_end - c, kRunMax);
        while (n < most && detector[row + c + n] == d) ++n;
        const int slot = d == 0 ? 255 : table.slot_of_detector[d];
        if (slot >= table.slots) {
          for (int i = 0; i < n; ++i) {
            const std::uint16_t value = dn[row + c + i];
            out[row + c + i] = -32768;
            if (is_sloping) flat[row + c + i] = -32768;
            flags[row + c + i] = static_cast<std::uint8_t>(kNoData | (value == 0 ? 0 : kNoDetector) |
                                                           (value == 65535 ? kSaturated : 0));
          }
          c += n;
          continue;
        }
        for (int p = 0; p < pressures; ++p) {
          const std::ptrdiff_t plane = (static_cast<std::ptrdiff_t>(slot) * pressures + p) * nodes;
          edges(table.coefficients.data() + plane * 3, 3, left.data() + 3 * p, right.data() + 3 * p);
          if (has_legs)
            edges(table.legs.data() + plane * 2, 2, legs_left.data() + 2 * p, legs_right.data() + 2 * p);
        }
        const int first = window.x + c;
        if (uses_pressure)
          values_of_run(pressure.hpa, pressure.columns, pressure.axes, first, n, pressure_at, hpa.data(),
                        rows);
        if (is_around)
          values_of_run(around.reflectance, around.columns, around.axes, first, n, around_at, beside.data(),
                        rows);
        if (is_sloping) {
          edges(table.directions.data() + slot * nodes * 4, 4, directions_left.data(),
                directions_right.data());
          terrain_of_run(terrain, first, n, terrain_at, east.data(), north.data(), hidden.data(), rows);
        }
        rows.correct_run({dn.data() + row + c,
                          out.data() + row + c,
                          flags.data() + row + c,
                          n,
                          first - cell.origin,
                          cell.f0,
                          static_cast<float>(table.axes.dx),
                          used,
                          left.data(),
                          right.data(),
                          table.node_hpa.data(),
                          hpa.data(),
                          radiometry.offset,
                          1.0f / radiometry.quantification,
                          has_legs ? legs_left.data() : nullptr,
                          legs_right.data(),
                          is_around ? beside.data() : nullptr,
                          directions_left.data(),
                          directions_right.data(),
                          east.data(),
                          north.data(),
                          hidden.data(),
                          terrain.is_canopy,
                          is_sloping ? flat.data() + row + c : nullptr});
        c += n;
      }
    }
  }
}

}  // namespace tilth
