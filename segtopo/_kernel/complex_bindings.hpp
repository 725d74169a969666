#pragma once

#include <nanobind/nanobind.h>

namespace segtopo {

/// Adds the functions of simplicial complexes to the module.
void bind_complexes(nanobind::module_& m);

} // namespace segtopo
