#pragma once
// Inner loops of the kernels. rows.cpp is compiled once per instruction set; everything here works on raw
// pointers and includes no library template, so that no inline function compiled for AVX can be linked into
// the baseline.
#include <cstdint>

namespace tilth {

/// Longest run that one call of `correct_run` takes: its scratch lives on the stack.
inline constexpr int kRunMax = 512;

/// Neighbouring pixels of one row that share detector and coefficient cell.
struct CorrectRun {
  const std::uint16_t* dn;
  std::int16_t* out;
  std::uint8_t* flags;
  int n;                  ///< pixels, 0..kRunMax
  int first;              ///< first pixel's column minus the column on which `f0` holds; may be negative
  float f0, df;           ///< fraction of the cell at that column, and its growth per pixel
  int pressures;          ///< P, nodes of pressure, >= 1
  const float* left;      ///< [P][3] coefficients on the left edge of the cell, at this row
  const float* right;     ///< [P][3] on its right edge
  const float* node_hpa;  ///< [P] pressures of the nodes, ascending
  const float* hpa;       ///< [n] pressure of the pixels; unused when P = 1
  float offset;           ///< added to the DN
  float scale;            ///< 1 / quantification
  /// [P][2] legs on both edges, as the coefficients; null: the ground is alike everywhere and level.
  const float* legs_left;
  const float* legs_right;
  const float* around;  ///< [n] reflectance around each pixel; null: its own
  /// [4] directions on both edges, and [n] slopes and hidden pixels; used where `flat` is not null.
  const float* directions_left;
  const float* directions_right;
  const float* east;
  const float* north;
  const std::uint8_t* hidden;
  bool is_canopy;
  std::int16_t* flat;
};

/// Slopes of one row of pixels: bilinear between the nodes of a grid.
struct SlopeRun {
  const std::int16_t* upper;  ///< [columns] nodes above the row of pixels
  const std::int16_t* lower;  ///< and below
  int columns;                ///< nodes, >= 2
  float fy;                   ///< share of the lower row
  double x0, dx;              ///< node coordinate of pixel 0, and its growth per pixel
  int x, n;                   ///< first pixel, pixels
  float scale;                ///< of the stored slopes
  float* out;                 ///< [n]
};

struct RowFunctions {
  void (*correct_run)(const CorrectRun& run) noexcept;
  void (*slope_run)(const SlopeRun& run) noexcept;
  /// out[i] = values on a straight line: base + clamp(f0 + (first + i) * df, 0, 1) * slope.
  void (*line)(float* out, int n, int first, float f0, float df, float base, float slope) noexcept;
  /// Mean of 2 x 2 pixels; `b` may equal `a` (last row). `width` input pixels give ceil(width / 2).
  void (*halve_i16)(const std::int16_t* a, const std::int16_t* b, int width, std::int16_t no_data,
                    bool single_row, std::int16_t* out) noexcept;
  void (*pick_u8)(const std::uint8_t* in, int out_width, std::uint8_t* out) noexcept;
  void (*pick_u16)(const std::uint16_t* in, int out_width, std::uint16_t* out) noexcept;
  void (*difference_u8)(const std::uint8_t* in, int n, std::uint8_t* out) noexcept;
  void (*difference_u16)(const std::uint16_t* in, int n, std::uint16_t* out) noexcept;
  void (*or_u16)(const std::uint16_t* in, int n, std::uint16_t* out) noexcept;
  /// out[i] = round(10000 (a - b) / (a + b)), see normalized_difference.hpp.
  void (*normalized_difference)(const std::int16_t* a, const std::int16_t* b, int n, std::int16_t no_data,
                                int min_sum, std::int16_t* out) noexcept;
  /// How a date enters a composite, pixel by pixel: keep = 0 where its class is better than the best so far,
  /// else 1; add = weight where it is as good or better, else 0 (class 0 never enters). Raises rank and
  /// count.
  void (*composite_step)(const std::uint8_t* classes, int n, double weight, std::uint8_t* rank,
                         std::uint16_t* count, double* keep, double* add) noexcept;
  /// sum = sum * keep + value * add.
  void (*composite_sum)(const std::int16_t* values, const double* keep, const double* add, int n,
                        double* sum) noexcept;
  void (*composite_sum_one)(double value, const double* keep, const double* add, int n, double* sum) noexcept;
  /// classes = 0 where value is no-data.
  void (*composite_exclude)(const std::int16_t* values, std::int16_t no_data, int n,
                            std::uint8_t* classes) noexcept;
  /// out = round(sum / (weight * divisor)), no-data where weight is 0.
  void (*composite_divide)(const double* sum, const double* weight, int n, double divisor,
                           std::int16_t no_data, std::int16_t* out) noexcept;
};

namespace baseline {
extern const RowFunctions rows;
}
namespace avx2 {
extern const RowFunctions rows;
}
namespace avx512 {
extern const RowFunctions rows;
}

}  // namespace tilth
