#pragma once
#include <cstdint>
#include <span>

#include "correct_flags.hpp"

namespace tilth {

/// Maps pixel centres to grid nodes along both axes: the node coordinate of column c is x0 + dx * c, c
/// counted from the left edge of the whole image, so that a pixel's numbers never depend on the block it is
/// computed in. dx, dy > 0.
struct NodeAxes {
  double x0, dx, y0, dy;
};

/// Rectangle of the image, in pixels: first column and row, then size.
struct PixelWindow {
  int x, y, width, height;
};

/// Coefficients of the coupled surface-atmosphere equation on the nodes of the angle grids.
struct CorrectionTable {
  /// [slots][pressures][rows][columns][3]: gain a = 1 / (gas and scattering transmittance) and path term b =
  /// a x path reflectance, spherical albedo S; all unit 1.
  std::span<const float> coefficients;
  /// [256] slot of each detector number; 255 where there is none.
  std::span<const std::uint8_t> slot_of_detector;
  int slots, rows, columns;         ///< rows, columns >= 2
  std::span<const float> node_hpa;  ///< [pressures] hPa, ascending; one node means no dependence on pressure
  NodeAxes axes;
};

/// Surface pressure on a grid of its own, linear between nodes, constant beyond its edges.
struct PressureGrid {
  std::span<const float> hpa;  ///< [rows][columns] hPa; empty where the table has one pressure
  int rows, columns;           ///< >= 2
  NodeAxes axes;
};

struct Radiometry {
  float offset;          ///< RADIO_ADD_OFFSET, added to the DN
  float quantification;  ///< rho_toa = (DN + offset) / quantification
};

/// Surface reflectance of one block of one band: with rho = (DN + offset) / quantification and y = a * rho -
/// b, the result is y / (1 + S * y). Coefficients are bilinear in the node coordinates of the pixel's own
/// detector and linear in pressure; beyond the outermost nodes they stay constant.
/// @param dn        [height][width] digital numbers; 0 is no-data, 65535 saturated (corrected all the same,
/// and flagged).
/// @param detector  [height][width] detector numbers; 0 is none.
/// @param out       [height][width] reflectance x 10000, rounded to nearest, halves away from zero (float32 +
/// 0.5, cut), within
///                  [-32767, 32767]; -32768 is no-data.
/// @param flags     [height][width] bits of correct_flags.hpp.
/// Arithmetic is float32 without contraction; node positions are float64. Rows are contiguous, no alignment
/// needed. Starts no thread, allocates nothing, never throws. The same bytes for any block shape and SIMD
/// target. Source: Vermote et al. (1997), IEEE TGRS 35(3), eq. 2 solved for the surface (6S users' guide,
/// `xa`, `xb`, `xc`).
void l2a_correct(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                 const PixelWindow& window, const CorrectionTable& table, const PressureGrid& pressure,
                 const Radiometry& radiometry, std::span<std::int16_t> out,
                 std::span<std::uint8_t> flags) noexcept;

}  // namespace tilth
