#include "scatterer.hpp"

#include <cmath>
#include <stdexcept>

#include "angular.hpp"

namespace tilth::rt {

Expansion rayleigh_expansion(double depolarisation) {
  const double anisotropic = (1 - depolarisation) / (1 + depolarisation / 2);
  Expansion e;
  e.beta = {1.0, 0.0, anisotropic / 2};
  e.gamma = {0.0, 0.0, -std::sqrt(6.0) / 2 * anisotropic};
  e.alpha = {0.0, 0.0, 3 * anisotropic};
  e.zeta = {0.0, 0.0, 0.0};
  return e;
}

double rayleigh_phase(double depolarisation, double cosine) {
  const double anisotropic = (1 - depolarisation) / (1 + depolarisation / 2);
  return 1 + anisotropic / 2 * (1.5 * cosine * cosine - 0.5);
}

TruncatedAerosol truncate(std::span<const double> cosines, std::span<const double> phase, int terms) {
  const int n = static_cast<int>(cosines.size());
  const Quadrature rule = gauss_legendre(n, -1, 1);
  for (int i = 0; i < n; ++i)
    // Tables are written with six digits.
    if (std::abs(rule.x[i] - cosines[i]) > 2e-6)
      throw std::invalid_argument("phase function is not given at the nodes of a Gauss rule");
  const int count = terms + 1;
  std::vector<double> beta(count, 0.0);
  std::vector<double> both(count, 0.0);
  for (int i = 0; i < n; ++i) {
    const std::vector<double> scalar = wigner_d(0, 0, rule.x[i], count);
    const std::vector<double> turned = wigner_d(2, 2, rule.x[i], count);
    for (int l = 0; l < count; ++l) {
      beta[l] += (2 * l + 1) / 2.0 * rule.w[i] * phase[i] * scalar[l];
      both[l] += (2 * l + 1) / 2.0 * rule.w[i] * phase[i] * turned[l];
    }
  }
  const double missing = 1 - beta[0];
  for (int l = 0; l < count; ++l) {
    beta[l] += missing * (2 * l + 1);
    if (l >= 2) both[l] += missing * (2 * l + 1);
  }
  const double peak = beta[terms] / (2 * terms + 1);
  TruncatedAerosol made{{}, peak};
  for (int l = 0; l < terms; ++l) {
    const double cut = peak * (2 * l + 1);
    made.expansion.beta.push_back((beta[l] - cut) / (1 - peak));
    made.expansion.gamma.push_back(0.0);
    // alpha + zeta = 2 x the series of a1 in d_22; alpha = zeta because a2 - a3 = 0.
    made.expansion.alpha.push_back(l < 2 ? 0.0 : (both[l] - cut) / (1 - peak));
    made.expansion.zeta.push_back(made.expansion.alpha.back());
  }
  return made;
}

}  // namespace tilth::rt
