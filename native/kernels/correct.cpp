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

/// Pressure of `n` pixels of one row, from column `x` on.
void pressure_of_run(const PressureGrid& grid, int x, int n, const Cell& row_cell, float fy, float* hpa,
                     const RowFunctions& rows) noexcept {
  const float* upper = grid.hpa.data() + static_cast<std::ptrdiff_t>(row_cell.index) * grid.columns;
  const float* lower = upper + grid.columns;
  for (int done = 0; done < n;) {
    const Cell cell = cell_of(x + done, grid.columns, grid.axes.x0, grid.axes.dx);
    const int length = std::min(n - done, cell.end - (x + done));
    const float left = upper[cell.index] + fy * (lower[cell.index] - upper[cell.index]);
    const float right = upper[cell.index + 1] + fy * (lower[cell.index + 1] - upper[cell.index + 1]);
    rows.line(hpa + done, length, x + done - cell.origin, cell.f0, static_cast<float>(grid.axes.dx), left,
              right - left);
    done += length;
  }
}

}  // namespace

void l2a_correct(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                 const PixelWindow& window, const CorrectionTable& table, const PressureGrid& pressure,
                 const Radiometry& radiometry, std::span<std::int16_t> out,
                 std::span<std::uint8_t> flags) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  const int pressures = std::min(static_cast<int>(table.node_hpa.size()), kMaxPressures);
  const bool uses_pressure = pressures > 1 && !pressure.hpa.empty();
  const std::ptrdiff_t row_stride = static_cast<std::ptrdiff_t>(table.columns) * 3;
  const std::ptrdiff_t pressure_stride = row_stride * table.rows;
  std::array<float, kRunMax> hpa{};
  std::array<float, kMaxPressures * 3> left{}, right{};

  for (int r = 0; r < window.height; ++r) {
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(r) * window.width;
    const Cell row_cell = cell_of(window.y + r, table.rows, table.axes.y0, table.axes.dy);
    const float fy = fraction_of(window.y + r, row_cell, table.axes.dy);
    Cell pressure_row{};
    float pressure_fy = 0;
    if (uses_pressure) {
      pressure_row = cell_of(window.y + r, pressure.rows, pressure.axes.y0, pressure.axes.dy);
      pressure_fy = fraction_of(window.y + r, pressure_row, pressure.axes.dy);
    }
    for (int c = 0; c < window.width;) {
      const Cell cell = cell_of(window.x + c, table.columns, table.axes.x0, table.axes.dx);
      const int cell_end = std::min(window.width, cell.end - window.x);
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
            flags[row + c + i] = static_cast<std::uint8_t>(kNoData | (value == 0 ? 0 : kNoDetector) |
                                                           (value == 65535 ? kSaturated : 0));
          }
        } else {
          const float* base = table.coefficients.data() + slot * pressures * pressure_stride +
                              row_cell.index * row_stride + static_cast<std::ptrdiff_t>(cell.index) * 3;
          for (int p = 0; p < pressures; ++p) {
            const float* upper = base + p * pressure_stride;
            const float* lower = upper + row_stride;
            for (int k = 0; k < 3; ++k) {
              left[3 * p + k] = upper[k] + fy * (lower[k] - upper[k]);
              right[3 * p + k] = upper[3 + k] + fy * (lower[3 + k] - upper[3 + k]);
            }
          }
          if (uses_pressure)
            pressure_of_run(pressure, window.x + c, n, pressure_row, pressure_fy, hpa.data(), rows);
          rows.correct_run({dn.data() + row + c, out.data() + row + c, flags.data() + row + c, n,
                            window.x + c - cell.origin, cell.f0, static_cast<float>(table.axes.dx),
                            uses_pressure ? pressures : 1, left.data(), right.data(), table.node_hpa.data(),
                            hpa.data(), radiometry.offset, 1.0f / radiometry.quantification});
        }
        c += n;
      }
    }
  }
}

}  // namespace tilth
