#include "bindings/bindings.hpp"

#include <nanobind/nanobind.h>

NB_MODULE(_native, m) {
  m.doc() = "The compiled kernel of segtopo.";
  segtopo::bind_images(m);
  segtopo::bind_complexes(m);
  segtopo::bind_assignment(m);
}
