// Solves all columns of one wavelength and aerosol: a description on stdin, float32 values on stdout.
//
// stdin, words and numbers in this order: `streams N layers N step X orders N depolarisation X`, then lists
// as `name count value...`: `view_mu`, `sun_mu`, `air_mass`, `aot`, `pressure`; then `tau_rayleigh X
// extinction X albedo X` and the lists `cosines` and `phase`. `aot` is at 550 nm, `extinction` relative to
// it, `pressure` relative to that of `tau_rayleigh`. stdout: [pressure][aot] of multiple [order][view][sun],
// single_air [air mass], single_aerosol [air mass], transmittance [sun], spherical albedo, little-endian.
// Exit 65 with a sentence on stderr for a bad description.
#include <bit>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "successive_orders.hpp"

namespace {

std::string range(double low, double high) {
  char text[64];
  std::snprintf(text, sizeof text, "%g to %g", low, high);
  return text;
}

void expect_word(const std::string& name) {
  std::string word;
  if (!(std::cin >> word) || word != name)
    throw std::invalid_argument("expected '" + name + "', found '" + word + "'");
}

double number(const std::string& name, double low, double high) {
  expect_word(name);
  double value = 0;
  if (!(std::cin >> value) || !(value >= low && value <= high))
    throw std::invalid_argument(name + " is no number from " + range(low, high));
  return value;
}

std::vector<double> list(const std::string& name, double low, double high) {
  const int count = static_cast<int>(number(name, 1, 10'000));
  std::vector<double> values(count);
  for (double& value : values)
    if (!(std::cin >> value) || !(value >= low && value <= high))
      throw std::invalid_argument("a value of " + name + " is no number from " + range(low, high));
  return values;
}

void put(const std::vector<double>& values) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<float> narrow(values.begin(), values.end());
  if (std::fwrite(narrow.data(), sizeof(float), narrow.size(), stdout) != narrow.size())
    throw std::runtime_error("stdout was closed");
}

void run() {
  tilth::rt::Discretisation how;
  how.streams = static_cast<int>(number("streams", 4, 64));
  how.least_layers = static_cast<int>(number("layers", 4, 400));
  how.largest_step = number("step", 0.001, 1);
  how.orders = static_cast<int>(number("orders", 1, 16));
  const double depolarisation = number("depolarisation", 0, 0.1);
  how.view_mu = list("view_mu", 0.01, 1);
  how.sun_mu = list("sun_mu", 0.01, 1);
  how.air_mass = list("air_mass", 2, 100);
  const std::vector<double> aot = list("aot", 0, 5);
  const std::vector<double> pressure = list("pressure", 0.01, 2);
  const double tau_rayleigh = number("tau_rayleigh", 1e-6, 5);
  const double extinction = number("extinction", 0, 10);
  const double albedo = number("albedo", 0, 1);
  const std::vector<double> cosines = list("cosines", -1, 1);
  const std::vector<double> phase = list("phase", 0, 1e6);
  if (cosines.size() != phase.size() || static_cast<int>(cosines.size()) <= 2 * how.streams)
    throw std::invalid_argument("cosines and phase must be as many, and more than twice the streams");
  const tilth::rt::TruncatedAerosol aerosol = tilth::rt::truncate(cosines, phase, 2 * how.streams);
  const tilth::rt::Solver solver(how, depolarisation, aerosol);
  for (const double ratio : pressure)
    for (const double depth : aot) {
      const tilth::rt::Solution s = solver.solve({tau_rayleigh * ratio, extinction * depth, albedo});
      put(s.multiple);
      put(s.single_air);
      put(s.single_aerosol);
      put(s.transmittance);
      put({s.spherical_albedo});
      std::fflush(stdout);
    }
}

}  // namespace

int main() {
  try {
    run();
    return std::fflush(stdout) == 0 ? 0 : 74;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rt_solve: %s\n", error.what());
    return 65;
  }
}
