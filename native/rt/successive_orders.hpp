#pragma once
#include <memory>
#include <vector>

#include "scatterer.hpp"

namespace tilth::rt {

/// Directions and steps of a solution. Cosines are of the angle to the vertical, (0, 1].
struct Discretisation {
  /// Gauss nodes of a hemisphere.
  int streams;
  /// Layers of a column are of equal optical depth: as many as this, and no thicker than that.
  int least_layers;
  double largest_step;
  /// Azimuthal orders 0 .. orders - 1 that are solved for.
  int orders;
  /// Directions of the sensor: they play the sun's part, by reciprocity, because they are fewer and steeper.
  std::vector<double> view_mu;
  /// Directions of the sun, and of every transmittance.
  std::vector<double> sun_mu;
  /// 1 / mu_sun + 1 / mu_view for which single scattering is wanted.
  std::vector<double> air_mass;
};

/// One column of air and aerosol above black ground. Optical depths of the whole column above the ground.
struct Column {
  /// > 0.
  double tau_rayleigh;
  /// Before truncation, >= 0.
  double tau_aerosol;
  /// Single scattering albedo of the aerosol, before truncation, [0, 1].
  double albedo;
};

/// What is told of a column; reflectances are pi I / (mu_sun E_sun), unit 1.
struct Solution {
  /// [order][view][sun] amplitude of cos(order x azimuth) of light scattered twice and more; azimuth is that
  /// between the directions in which light travels: 0 is forward scattering.
  std::vector<double> multiple;
  /// [air mass] reflectance by single scattering in air = this x P_air / (4 mu_sun mu_view).
  std::vector<double> single_air;
  /// [air mass] the same of aerosol = this x tau_aerosol x P_aerosol / (4 mu_sun mu_view); has the albedo in
  /// it.
  std::vector<double> single_aerosol;
  /// [sun] direct and diffuse transmittance of one leg.
  std::vector<double> transmittance;
  double spherical_albedo;
};

/// Scattering by successive orders, Stokes (I, Q, U): air with a scale height of 8 km, aerosol of 2 km, as in
/// 6S. Orders are added until their ratio is constant, the rest as a geometric series. The forward peak of
/// the aerosol is cut (delta-M); single scattering is told apart, for the phase function as it is (TMS,
/// Nakajima and Tanaka 1988, JQSRT 40, 51). Method: Lenoble et al. (2007), JQSRT 107, 479; Kotchenova et al.
/// (2006), Appl. Opt. 45, 6762.
class Solver {
 public:
  /// Matrices of one wavelength and aerosol, shared by all its columns.
  Solver(const Discretisation& how, double depolarisation, const TruncatedAerosol& aerosol);
  ~Solver();
  /// The same bytes on any thread; threads may share a solver.
  Solution solve(const Column& column) const;

 private:
  struct Matrices;
  std::unique_ptr<const Matrices> matrices_;
};

}  // namespace tilth::rt
