#pragma once
#include <cstdint>
#include <span>

namespace tilth {

/// Heights of the ground on a grid of square pixels, north up.
struct Heights {
  std::span<const float> m;  ///< [rows][columns] metres, no NaN
  int rows, columns;         ///< >= 3
  double pixel_m;            ///< > 0
};

/// How slopes are taken from heights that are off by some metres.
struct SlopeFit {
  int reach;      ///< pixels around one that a plane is laid through, 1 to 32
  float error_m;  ///< standard deviation of the heights, metres, >= 0; 0: central differences alone
};

/// Slopes of the inner part of a height grid, east = dz/dx, north = dz/dy, each x kSlopeScale (correct.hpp),
/// rounded to nearest, cut to what int16 holds (slopes beyond 8: 83 degrees). Between that of the plane
/// through the (2 reach + 1)^2 heights around a pixel (least squares) and that of its four neighbours: the
/// plane alone where the heights depart from it by no more than their own error explains, else less of it, as
/// error^2 / (variance of what departs), the weights of Lee (1980, IEEE TPAMI 2(2), 165-168, eq. 8) around a
/// plane in place of a mean. An error of 5 m turns the slope of four neighbours 30 m apart by 5 degrees.
/// Works on inner rows [first_row, last_row), so that threads can share a grid.
/// @param east, north  [rows - 2 reach][columns - 2 reach]: a margin of `reach` is left out on each side.
/// @param smoothness  of the same size: 255 / (1 + d), rounded, d the variance of what departs from the plane
/// over error^2; 0 where heights are exact; empty: not wanted.
/// Allocates nothing, never throws.
void slopes(const Heights& heights, const SlopeFit& fit, int first_row, int last_row,
            std::span<std::int16_t> east, std::span<std::int16_t> north,
            std::span<std::uint8_t> smoothness = {}) noexcept;

/// Direction in which light comes from the sun, linear over the grid: at row r and column c, with u = c /
/// (columns - 1) and v = r / (rows - 1), each part is corner[0] (1-u)(1-v) + corner[1] u (1-v) + corner[2]
/// (1-u) v + corner[3] u v.
struct SunOverGrid {
  float east[4];   ///< tangent of the zenith angle times the sine of the azimuth, at the four corners
  float north[4];  ///< times its cosine
};

/// Pixels that do not see the sun because other ground stands before it: from each pixel a ray goes toward
/// the sun in steps of one pixel, and the pixel is hidden where ground (bilinear between pixel centres) rises
/// above it by more than `tolerance_m`. Rays end at the edge of the grid, or where they are above all ground.
/// Works on rows [first_row, last_row), so that threads can share a grid; each pixel's answer depends on the
/// whole grid only. The Earth's curvature is left out: 0.5 m over 2.5 km.
/// @param hidden  [rows][columns] gets 1 where hidden, else 0, in the rows worked on.
/// Allocates nothing, never throws.
void cast_shadows(const Heights& heights, const SunOverGrid& sun, float tolerance_m, int first_row,
                  int last_row, std::span<std::uint8_t> hidden) noexcept;

}  // namespace tilth
