#pragma once
#include <vector>

namespace tilth::rt {

/// Nodes and weights of a Gauss-Legendre rule.
struct Quadrature {
  std::vector<double> x;
  std::vector<double> w;
};

/// Gauss-Legendre rule of n nodes on [low, high], x ascending; exact for polynomials up to degree 2n - 1.
/// Newton iteration on the three-term recurrence. @param n >= 1.
Quadrature gauss_legendre(int n, double low, double high);

/// Wigner's small d functions d^l_{mn}(theta) of one direction for l = 0 .. count - 1 (0 where l < max(|m|,
/// |n|)).
/// @param u  cosine of theta, [-1, 1].
/// Signs as in Mishchenko, Travis and Lacis (2002), Scattering, Absorption and Emission of Light by Small
/// Particles, appendix B: recurrence (B.22), start (B.24).
std::vector<double> wigner_d(int m, int n, double u, int count);

/// The three functions that carry a Stokes vector (I, Q, U) of azimuthal order m to and from one direction,
/// by l: P for I, R and T for Q and U. Up to a common sign of U those of Siewert (1982), Astron. Astrophys.
/// 109, 195.
struct Carriers {
  std::vector<double> p;
  std::vector<double> r;
  std::vector<double> t;
};

/// @param u cosine of the angle to the upward vertical; @param count number of l, from 0.
Carriers carriers(int m, double u, int count);

}  // namespace tilth::rt
