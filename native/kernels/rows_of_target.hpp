#pragma once
// What the sources that are compiled once per instruction set share; see rows.hpp. Included by no other.
#include "rows.hpp"

namespace tilth::TILTH_TARGET {

void correct_run(const CorrectRun& run) noexcept;

}  // namespace tilth::TILTH_TARGET
