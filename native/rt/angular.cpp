#include "angular.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tilth::rt {

Quadrature gauss_legendre(int n, double low, double high) {
  Quadrature rule{std::vector<double>(n), std::vector<double>(n)};
  const double pi = std::acos(-1.0);
  for (int i = 0; i < n; ++i) {
    double x = std::cos(pi * (i + 0.75) / (n + 0.5));
    double slope = 0;
    for (int step = 0; step < 100; ++step) {
      double before = 0;
      double now = 1;
      for (int l = 1; l <= n; ++l) {
        const double next = ((2 * l - 1) * x * now - (l - 1) * before) / l;
        before = now;
        now = next;
      }
      slope = n * (x * now - before) / (x * x - 1);
      const double change = now / slope;
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    // The largest root comes first; the rule is ascending.
    rule.x[n - 1 - i] = low + (high - low) * (x + 1) / 2;
    rule.w[n - 1 - i] = (high - low) / ((1 - x * x) * slope * slope);
  }
  return rule;
}

std::vector<double> wigner_d(int m, int n, double u, int count) {
  std::vector<double> d(count, 0.0);
  const int start = std::max(std::abs(m), std::abs(n));
  if (start >= count) return d;
  // (2s)! / (|m - n|! |m + n|!) under the root, factor by factor so that nothing overflows.
  const int a = std::abs(m - n);
  const int b = std::abs(m + n);
  double root = 1;
  for (int i = 1; i <= a; ++i) root *= static_cast<double>(b + i) / i;
  const double sign = n >= m || (m - n) % 2 == 0 ? 1.0 : -1.0;
  d[start] = sign * std::sqrt(root) * std::pow((1 - u) / 2, a / 2.0) * std::pow((1 + u) / 2, b / 2.0);
  for (int l = start; l + 1 < count; ++l) {
    if (l == 0) {
      d[1] = u;
      continue;
    }
    const double ll = l;
    const double next = (ll + 1) * (ll + 1);
    const double here = ll * ll;
    const double before = l > start ? d[l - 1] : 0.0;
    d[l + 1] = ((2 * ll + 1) * (ll * (ll + 1) * u - m * n) * d[l] -
                (ll + 1) * std::sqrt((here - m * m) * (here - n * n)) * before) /
               (ll * std::sqrt((next - m * m) * (next - n * n)));
  }
  return d;
}

Carriers carriers(int m, double u, int count) {
  Carriers c{wigner_d(m, 0, u, count), wigner_d(m, 2, u, count), {}};
  const std::vector<double> minus = wigner_d(m, -2, u, count);
  c.t.resize(count);
  for (int l = 0; l < count; ++l) {
    const double plus = c.r[l];
    c.r[l] = (plus + minus[l]) / 2;
    c.t[l] = (plus - minus[l]) / 2;
  }
  return c;
}

}  // namespace tilth::rt
