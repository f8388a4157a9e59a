#pragma once

#include <vector>

#include "angular.hpp"
#include "successive_orders.hpp"

namespace tilth::rt {

/// Row or column of the phase matrix for light of intensity I in one direction, [component][stream].
struct Beam {
  std::vector<double> up;
  std::vector<double> down;
};

/// One azimuthal order. Stokes components: I, Q, and from order 1 on U.
struct Order {
  int m;
  int components;
  int width;
  /// Carriers of air at the streams, by l = 0 .. 2.
  std::vector<Carriers> air;
  /// [from][to] of light that is the same up and down, and of light that is opposite; weights and the factor
  /// 1/2 are in it.
  std::vector<double> even;
  std::vector<double> odd;
  /// [view] light that comes down from a sensor's direction, scattered once: by air and by aerosol.
  std::vector<Beam> air_from_view;
  std::vector<Beam> aerosol_from_view;
  /// [sun] what leaves upwards in a direction of the sun; weights and the factor 1/2 are in it.
  std::vector<Beam> air_to_sun;
  std::vector<Beam> aerosol_to_sun;
};

/// What orders are made of: streams and directions, and what scatters.
struct Scatterers {
  const Discretisation& how;
  const Quadrature& rule;
  const Expansion& air;
  const Expansion& aerosol;
};

/// The matrices of azimuthal order m.
Order make_order(const Scatterers& of, int m);

}  // namespace tilth::rt
