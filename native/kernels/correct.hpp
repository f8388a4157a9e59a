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
  /// [slots][pressures][rows][columns][2]: total over direct transmittance from ground to sensor (>= 1), and
  /// the direct share of the transmittance from sun to ground, 0 to 1. Empty: neither surroundings nor slopes
  /// are looked at.
  std::span<const float> legs{};
  /// [slots][rows][columns][4]: tangent of the zenith angle times (sine, cosine) of the azimuth, of the sun,
  /// then of the sensor; azimuths clockwise from the grid's north, seen from the ground. Empty where there is
  /// no terrain.
  std::span<const float> directions{};
};

/// Reflectance of what surrounds a pixel, weighted by how light is scattered from there into its line of
/// sight, on a grid of its own, linear between nodes, constant beyond its edges.
struct Surroundings {
  std::span<const float> reflectance{};  ///< [rows][columns] unit 1, no NaN; empty: as the pixel itself
  int rows = 0, columns = 0;             ///< >= 2
  NodeAxes axes{};
};

/// Slopes of the ground on a grid of its own, linear between nodes, constant beyond its edges.
struct Terrain {
  std::span<const std::int16_t> east{};    ///< [rows][columns] dz/dx x kSlopeScale; empty: flat ground
  std::span<const std::int16_t> north{};   ///< the same of dz/dy
  std::span<const std::uint8_t> hidden{};  ///< [rows][columns] 1 where the sun is behind other ground
  int rows = 0, columns = 0;               ///< >= 2
  NodeAxes axes{};
  bool is_canopy = false;  ///< the ground reflects as a canopy of plants that stand upright, not as Lambert's
};
inline constexpr float kSlopeScale = 4096.0f;

/// Surface pressure on a grid of its own, linear between nodes, constant beyond its edges.
struct PressureGrid {
  std::span<const float> hpa;  ///< [rows][columns] hPa, > 0; empty where the table has one pressure
  int rows, columns;           ///< >= 2
  NodeAxes axes;
};

struct Radiometry {
  float offset;          ///< RADIO_ADD_OFFSET, added to the DN
  float quantification;  ///< rho_toa = (DN + offset) / quantification
};

/// Surface reflectance of one block of one band: with rho = (DN + offset) / quantification and y = a * rho -
/// b, the result over ground alike everywhere is y / (1 + S * y). Coefficients are bilinear in the node
/// coordinates of the pixel's own detector and linear in pressure; beyond the outermost nodes they stay
/// constant.
/// With surroundings e and u = total over direct transmittance upwards, what was scattered into the line of
/// sight from beside is taken off: rho_s = y * u * (1 - e * S) - e * (u - 1) (eq. 2 and 3 of Vermote et al.
/// 1997 with an environment of its own; the form of the MAJA ATBD, 2017, doi:10.5281/zenodo.1209633).
/// With terrain, `flat` gets what the ground would reflect if it were level: rho_s * F / (d * cos i / cos
/// theta_s + (1 - d) * (1 + cos s) / 2 + e * (1 - cos s) / 2), with slope s, incidence i, exitance e, direct
/// share d (MAJA ATBD 2017). F is 1, or for a canopy (cos i + cos e) / (cos theta_s + cos theta_v) (Dymond
/// and Shepherd 1999, IEEE TGRS 37(5), 2618). cos i is taken as 0.2 at least, cos e as 0.1. Where the sun is
/// hidden `flat` is rho_s. Secants of the zenith angles are linear between nodes as their tangents are: over
/// a cell of 5 km the sensor turns by 0.4 degrees, and they are within 1e-5.
/// @param dn        [height][width] digital numbers; 0 is no-data, 65535 saturated (corrected all the same,
/// and flagged).
/// @param detector  [height][width] detector numbers; 0 is none.
/// @param out       [height][width] reflectance x 10000, rounded to nearest, halves away from zero (float32 +
/// 0.5, cut), within
///                  [-32767, 32767]; -32768 is no-data.
/// @param flags     [height][width] bits of correct_flags.hpp.
/// @param flat      [height][width] as `out`; empty where there is no terrain.
/// Arithmetic is float32 without contraction; node positions are float64. Rows are contiguous, no alignment
/// needed. Starts no thread, allocates nothing, never throws. The same bytes for any block shape and SIMD
/// target. Source: Vermote et al. (1997), IEEE TGRS 35(3), eq. 2 solved for the surface (6S users' guide,
/// `xa`, `xb`, `xc`).
void l2a_correct(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                 const PixelWindow& window, const CorrectionTable& table, const PressureGrid& pressure,
                 const Radiometry& radiometry, std::span<std::int16_t> out, std::span<std::uint8_t> flags,
                 const Surroundings& around = {}, const Terrain& terrain = {},
                 std::span<std::int16_t> flat = {}) noexcept;

}  // namespace tilth
