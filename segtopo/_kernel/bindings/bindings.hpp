#pragma once

#include <nanobind/nanobind.h>

namespace segtopo {

// Each function adds the functions of one subject to the module.
void bind_images(nanobind::module_& m);
void bind_complexes(nanobind::module_& m);
void bind_assignment(nanobind::module_& m);

} // namespace segtopo
