#include "thinning/thinning.hpp"
#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"
#include "bindings/image_tools.hpp"

#include <cstdint>

namespace segtopo {

using namespace nb::literals;

namespace {

using Mask = nb::ndarray<std::uint8_t, nb::c_contig, nb::device::cpu>;

template <int Dim> void thin_mask(const Mask& mask) {
  const auto shape = shape_of<Dim>(mask, 0);
  run_interruptibly(1, [data = mask.data(), &shape](const Execution& execution) {
    thin<Dim>(data, shape, execution);
    return true;
  });
}

} // namespace

void bind_thinning(nb::module_& m) {
  m.def(
      "thin",
      [](const Mask& mask) {
        if (mask.ndim() == 2)
          thin_mask<2>(mask);
        else if (mask.ndim() == 3)
          thin_mask<3>(mask);
        else
          throw nb::value_error("expected a 2D or 3D mask");
      },
      "mask"_a.noconvert(),
      "Thins a mask of bytes to a skeleton with the same components, loops and cavities. The foreground is 8- or "
      "26-connected.");
}

} // namespace segtopo
