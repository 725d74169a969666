#pragma once

#include "bindings/image_tools.hpp"

#include <nanobind/nanobind.h>

namespace segtopo {

// Each function adds the functions of one subject to the module.
void bind_images(nb::module_& m, const SharedTables& tables);
void bind_repair(nb::module_& m, const SharedTables& tables);
void bind_thinning(nb::module_& m);
void bind_contacts(nb::module_& m);
void bind_complexes(nb::module_& m);
void bind_assignment(nb::module_& m);

} // namespace segtopo
