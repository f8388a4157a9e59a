#pragma once
// Inner loops of the kernels. rows.cpp and correct_rows.cpp are compiled once per instruction set; everything
// here works on raw pointers and includes no library template, so that no inline function compiled for AVX
// can be linked into the baseline.
#include <cstddef>
#include <cstdint>

namespace tilth {

/// Longest run that one call of `correct_run` takes: its scratch lives on the stack.
inline constexpr int kRunMax = 512;
/// Most nodes of a grid on which a run may lie, unless it is a single pixel.
inline constexpr int kRunNodes = 2 * kRunMax;

/// From so many pixels a node on they are done node by node.
inline constexpr int kLongRun = 8;

/// Where the pixels of a strip of columns lie between the nodes of a grid.
struct NodePlaces {
  int n;                 ///< pixels, 0..kRunMax
  int node[kRunMax];     ///< node left of the pixel, counted from the first that the strip needs
  float share[kRunMax];  ///< share of the next one, 0 to 1
  /// Between these pixels two lie on each node (`step` 2) or one (`step` 1), as slopes of 20 m on pixels of
  /// 10 and 20 m do: what is next to it can then be read at once. Elsewhere any node is looked up by itself.
  int regular_from, regular_to, step;
  /// Where many lie on each node, the pixels at which the next node begins, and the end; else none.
  int ends;
  int end[kRunMax / kLongRun + 1];
};

/// Neighbouring pixels of one row that share detector and coefficient cell.
struct CorrectRun {
  const std::uint16_t* dn;
  std::int16_t* out;
  std::uint8_t* flags;
  int n;                  ///< pixels, 0..kRunMax
  const float* share;     ///< [n] of the cell's right edge
  int pressures;          ///< P, nodes of pressure between which the run lies, >= 1
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

/// Pixels of one row that lie on a straight line in an image, and what is around them is inside it and
/// measured.
struct CubicRun {
  const std::uint16_t* pixels;  ///< first pixel of the image's piece
  std::ptrdiff_t stride;        ///< from one row of it to the next
  double column, row;           ///< place of the first pixel in the piece
  double by_column, by_row;     ///< and the way to the next
  int n;                        ///< pixels, 0..kCubicRun
  const float* weights;         ///< [kPhases + 1][4] of the pixels at -1, 0, 1, 2 for places i / kPhases
  std::uint16_t* out;
};
inline constexpr int kCubicRun = 64;
/// Places between pixels that differ by less than this many parts of a pixel get the same weights: 0.03 m of
/// 30 m.
inline constexpr int kPhases = 1024;

struct RowFunctions {
  void (*correct_run)(const CorrectRun& run) noexcept;
  /// Nodes between two rows of a grid: out[k] = (upper[k] + fy * (lower[k] - upper[k])) * scale.
  void (*blend_f32)(const float* upper, const float* lower, int n, float fy, float scale,
                    float* out) noexcept;
  void (*blend_i16)(const std::int16_t* upper, const std::int16_t* lower, int n, float fy, float scale,
                    float* out) noexcept;
  /// Pixels between nodes of one row: out[i] = nodes[k] + share[i] * (nodes[k + 1] - nodes[k]), k = node[i].
  void (*between_nodes)(const NodePlaces& at, const float* nodes, float* out) noexcept;
  /// Cubic convolution, see resample.hpp.
  void (*cubic_run)(const CubicRun& run) noexcept;
  /// Whether no pixel of a piece is 0 or 65535.
  bool (*all_measured)(const std::uint16_t* pixels, std::ptrdiff_t stride, int width, int height) noexcept;
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
