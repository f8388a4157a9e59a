// Unit tests of the radiative transfer: exact limits, conservation of energy, reciprocity, and the phase
// matrix of air against that of a dipole. Exit 0 all good, 1 a test failed. Agreement with 6SV2.1 is tested
// where its table is (test/rt).
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "angular.hpp"
#include "scatterer.hpp"
#include "successive_orders.hpp"

namespace {

using namespace tilth::rt;

int failures = 0;
const double kPi = std::acos(-1.0);

void expect_near(const char* what, double found, double expected, double tolerance) {
  if (std::abs(found - expected) <= tolerance) return;
  ++failures;
  std::fprintf(stderr, "FAILED %s: expected %.9g +- %.1e, found %.9g\n", what, expected, tolerance, found);
}

void rules_are_exact() {
  // 2n - 1 = 9: the integral of x^9 + x^4 over [0, 1] is 1/10 + 1/5.
  const Quadrature rule = gauss_legendre(5, 0, 1);
  double sum = 0;
  for (int i = 0; i < 5; ++i) sum += rule.w[i] * (std::pow(rule.x[i], 9) + std::pow(rule.x[i], 4));
  expect_near("Gauss rule", sum, 0.3, 1e-14);
  const double u = 0.3;
  expect_near("d^3_00 is P_3", wigner_d(0, 0, u, 4)[3], (5 * u * u * u - 3 * u) / 2, 1e-14);
  expect_near("d^2_02", wigner_d(0, 2, u, 3)[2], std::sqrt(3.0 / 8) * (1 - u * u), 1e-14);
  expect_near("d^2_22", wigner_d(2, 2, u, 3)[2], (1 + u) * (1 + u) / 4, 1e-14);
  expect_near("d^2_2,-2", wigner_d(2, -2, u, 3)[2], (1 - u) * (1 - u) / 4, 1e-14);
  // d^3_22 = (3u - 2) ((1 + u) / 2)^2 (Varshalovich et al. 1988, table 4.5).
  expect_near("d^3_22", wigner_d(2, 2, u, 4)[3], (3 * u - 2) * (1 + u) * (1 + u) / 4, 1e-14);
  expect_near("d_22 is 1 forward", wigner_d(2, 2, 1, 48)[47], 1, 1e-12);
}

/// Phase matrix of a dipole between two directions, Stokes (I, Q, U) to the meridian planes, 1/2 integral
/// over mu = 1: amplitudes are projections of the incoming unit vectors on the outgoing ones (Chandrasekhar
/// 1950, ch. 1).
std::array<std::array<double, 3>, 3> dipole(double mu_out, double mu_in, double phi) {
  const auto axes = [](double mu, double azimuth) {
    const double s = std::sqrt(1 - mu * mu);
    const double c = std::cos(azimuth);
    const double t = std::sin(azimuth);
    // Along growing polar angle, and along growing azimuth.
    return std::array<std::array<double, 3>, 2>{{{mu * c, mu * t, -s}, {-t, c, 0}}};
  };
  const auto out = axes(mu_out, phi);
  const auto in = axes(mu_in, 0);
  double a[2][2];
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) a[i][j] = out[i][0] * in[j][0] + out[i][1] * in[j][1] + out[i][2] * in[j][2];
  const double ll = a[0][0] * a[0][0];
  const double lr = a[0][1] * a[0][1];
  const double rl = a[1][0] * a[1][0];
  const double rr = a[1][1] * a[1][1];
  const double f = 1.5;
  return {{{f * (ll + lr + rl + rr) / 2, f * (ll - lr + rl - rr) / 2,
            f * (a[0][0] * a[0][1] + a[1][0] * a[1][1])},
           {f * (ll + lr - rl - rr) / 2, f * (ll - lr - rl + rr) / 2,
            f * (a[0][0] * a[0][1] - a[1][0] * a[1][1])},
           {f * (a[0][0] * a[1][0] + a[0][1] * a[1][1]), f * (a[0][0] * a[1][0] - a[0][1] * a[1][1]),
            f * (a[0][0] * a[1][1] + a[0][1] * a[1][0])}}};
}

/// Sum over l of Pi B Pi of air without depolarisation.
std::array<std::array<double, 3>, 3> series(int m, double mu_out, double mu_in) {
  const Expansion e = rayleigh_expansion(0);
  const Carriers to = carriers(m, mu_out, 3);
  const Carriers from = carriers(m, mu_in, 3);
  std::array<std::array<double, 3>, 3> sum{};
  for (int l = m; l < 3; ++l) {
    const double pi_to[3][3] = {{to.p[l], 0, 0}, {0, to.r[l], to.t[l]}, {0, to.t[l], to.r[l]}};
    const double b[3][3] = {{e.beta[l], e.gamma[l], 0}, {e.gamma[l], e.alpha[l], 0}, {0, 0, e.zeta[l]}};
    const double pi_from[3][3] = {{from.p[l], 0, 0}, {0, from.r[l], from.t[l]}, {0, from.t[l], from.r[l]}};
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        for (int p = 0; p < 3; ++p)
          for (int q = 0; q < 3; ++q) sum[i][j] += pi_to[i][p] * b[p][q] * pi_from[q][j];
  }
  return sum;
}

/// The sign of U is a matter of convention: it may be turned in all of U's row and column at once.
void phase_matrix_is_a_dipole() {
  for (const double mu_out : {0.9, 0.35, -0.2, -0.85})
    for (const double mu_in : {0.75, -0.5})
      for (int m = 0; m < 3; ++m) {
        std::array<std::array<double, 3>, 3> found{};
        const int steps = 16;
        for (int k = 0; k < steps; ++k) {
          const double phi = 2 * kPi * (k + 0.5) / steps;
          const auto z = dipole(mu_out, mu_in, phi);
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
              // I and Q are cosine series, U a sine series: what couples them is one too.
              const bool sine = (i == 2) != (j == 2);
              found[i][j] += z[i][j] * (sine ? std::sin(m * phi) : std::cos(m * phi)) / steps;
            }
        }
        const auto expected = series(m, mu_out, mu_in);
        for (int i = 0; i < 3; ++i)
          for (int j = 0; j < 3; ++j) {
            const bool couples = (i == 2) != (j == 2);
            if (couples)
              expect_near("|U coupling| of a dipole", std::abs(found[i][j]), std::abs(expected[i][j]), 1e-12);
            else
              expect_near("phase matrix of a dipole", found[i][j], expected[i][j], 1e-12);
          }
        // Which turn of U: the same for both, or light would be turned back the wrong way.
        if (m > 0)
          for (int j = 0; j < 2; ++j) {
            const double there = found[2][j] * expected[2][j];
            const double back = found[j][2] * expected[j][2];
            // Azimuths are taken the other way round on the way back: sines turn.
            if (there * back > 1e-12) {
              ++failures;
              std::fprintf(stderr, "FAILED signs of U: m %d, mu %g from %g, %g %g\n", m, mu_out, mu_in, there,
                           back);
            }
          }
      }
}

TruncatedAerosol henyey_greenstein(double g, int terms) {
  const Quadrature rule = gauss_legendre(80, -1, 1);
  std::vector<double> phase;
  for (const double u : rule.x) phase.push_back((1 - g * g) / std::pow(1 + g * g - 2 * g * u, 1.5));
  return truncate(rule.x, phase, terms);
}

Discretisation how(int streams, int layers) {
  const Quadrature rule = gauss_legendre(16, 0, 1);
  return {streams, layers, 1, 3, {1.0, 0.95}, rule.x, {2.0, 3.5}};
}

void truncation_keeps_the_asymmetry() {
  const TruncatedAerosol cut = henyey_greenstein(0.7, 24);
  // f = g^24; of what is left beta_1 / 3 = (g - f) / (1 - f).
  const double f = std::pow(0.7, 24);
  expect_near("peak", cut.peak, f, 1e-9);
  expect_near("asymmetry", cut.expansion.beta[1] / 3, (0.7 - f) / (1 - f), 1e-9);
}

/// Without absorption what isotropic light from below loses at the top comes back at the ground.
void energy_is_kept() {
  const Quadrature rule = gauss_legendre(16, 0, 1);
  for (const Column& column : {Column{0.24, 0, 1}, Column{0.1, 0.8, 1}}) {
    const Solver solver(how(16, 160), 0.0279, henyey_greenstein(0.65, 32));
    const Solution s = solver.solve(column);
    double passed = 0;
    for (int i = 0; i < 16; ++i) passed += 2 * rule.w[i] * rule.x[i] * s.transmittance[i];
    expect_near("transmitted and returned", passed + s.spherical_albedo, 1, 2e-5);
  }
}

/// Without absorption what a beam does not send to the ground leaves at the top: single scattering and the
/// rest together.
void reflected_and_transmitted_light_add_up() {
  const Quadrature rule = gauss_legendre(16, 0, 1);
  const double g = 0.65;
  Discretisation d = how(16, 160);
  d.view_mu = {1.0};
  d.sun_mu.push_back(1.0);
  d.air_mass.clear();
  for (const double mu : rule.x) d.air_mass.push_back(1 / mu + 1);
  const Column column{0.1, 0.8, 1};
  const Solution s = Solver(d, 0.0279, henyey_greenstein(g, 32)).solve(column);
  double reflected = 0;
  for (int i = 0; i < 16; ++i) {
    const double mu = rule.x[i];
    const double aerosol = (1 - g * g) / std::pow(1 + g * g + 2 * g * mu, 1.5);
    const double single =
        (s.single_air[i] * rayleigh_phase(0.0279, -mu) + column.tau_aerosol * s.single_aerosol[i] * aerosol) /
        (4 * mu);
    reflected += 2 * rule.w[i] * mu * (s.multiple[i] + single);
  }
  expect_near("reflected and transmitted", reflected + s.transmittance[16], 1, 2e-5);
}

void thin_air_scatters_once() {
  const Solver solver(how(12, 20), 0.0279, henyey_greenstein(0.65, 24));
  const Solution s = solver.solve({1e-5, 0, 1});
  expect_near("single scattering", s.single_air[0] / 1e-5, 1, 2e-5);
  expect_near("no second order", s.multiple[8], 0, 1e-9);
  expect_near("transmittance", s.transmittance[8], 1, 2e-5);
}

/// Sun and sensor may change places.
void light_goes_both_ways() {
  Discretisation d = how(16, 60);
  d.view_mu = {0.95, 0.6};
  d.sun_mu = {0.95, 0.6};
  const Solver solver(d, 0.0279, henyey_greenstein(0.65, 32));
  const Solution s = solver.solve({0.2, 0.4, 0.9});
  for (int m = 0; m < 3; ++m) expect_near("reciprocity", s.multiple[m * 4 + 1], s.multiple[m * 4 + 2], 2e-6);
}

void finer_steps_change_little() {
  const Solution coarse = Solver(how(16, 60), 0.0279, henyey_greenstein(0.65, 32)).solve({0.24, 0.4, 0.9});
  const Solution fine = Solver(how(28, 240), 0.0279, henyey_greenstein(0.65, 56)).solve({0.24, 0.4, 0.9});
  for (std::size_t i = 5; i < coarse.transmittance.size(); ++i) {
    expect_near("transmittance by step", coarse.transmittance[i], fine.transmittance[i], 5e-5);
    expect_near("path by step", coarse.multiple[i], fine.multiple[i], 5e-5);
  }
  expect_near("albedo by step", coarse.spherical_albedo, fine.spherical_albedo, 5e-5);
}

}  // namespace

int main() {
  rules_are_exact();
  phase_matrix_is_a_dipole();
  truncation_keeps_the_asymmetry();
  energy_is_kept();
  reflected_and_transmitted_light_add_up();
  thin_air_scatters_once();
  light_goes_both_ways();
  finer_steps_change_little();
  if (failures > 0) std::fprintf(stderr, "%d tests of the radiative transfer failed\n", failures);
  return failures > 0 ? 1 : 0;
}
