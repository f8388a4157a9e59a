#pragma once
#include <span>
#include <vector>

namespace tilth::rt {

/// Scattering matrix [a1 b1 0; b1 a2 0; 0 0 a3] as series of Wigner functions of the scattering angle, by l:
/// a1 = sum beta d_00, b1 = sum gamma d_02, a2 + a3 = sum (alpha + zeta) d_22, a2 - a3 = sum (alpha - zeta)
/// d_2,-2.
struct Expansion {
  std::vector<double> beta;
  std::vector<double> gamma;
  std::vector<double> alpha;
  std::vector<double> zeta;
};

/// Air. @param depolarisation as in 6S 0.0279. Source: Hansen and Travis (1974), Space Sci. Rev. 16,
/// eq. 2.15.
Expansion rayleigh_expansion(double depolarisation);
/// Phase function of air, 1/2 integral P dmu = 1; @param cosine of the scattering angle.
double rayleigh_phase(double depolarisation, double cosine);

/// Aerosol of which only the phase function is known, its forward peak cut to `terms` moments.
struct TruncatedAerosol {
  Expansion expansion;
  /// Share of the scattered light in the peak, treated as not scattered (Wiscombe 1977, J. Atmos. Sci. 34,
  /// delta-M).
  double peak;
};

/// @param cosines  [n] ascending nodes of the n-point Gauss rule on [-1, 1] (what else the table holds is not
/// given here).
/// @param phase    [n] phase function there, 1/2 integral P dmu = 1 up to a forward peak that falls between
/// the nodes: what
///                 is missing to 1 is taken as that peak.
/// @param terms    moments kept, >= 3 and < n.
/// The light that it scatters keeps its polarisation turned like that of a particle much larger than the
/// wavelength in the forward direction (a2 = a3 = a1), and it polarises none itself (b1 = 0): tables of 6S
/// say no more.
/// @throws std::invalid_argument where the cosines are no Gauss nodes.
TruncatedAerosol truncate(std::span<const double> cosines, std::span<const double> phase, int terms);

}  // namespace tilth::rt
