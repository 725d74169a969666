#include "bindings/bindings.hpp"

#include <memory>

NB_MODULE(_native, m) {
  m.doc() = "The compiled kernel of segtopo.";
  nanobind::exception<segtopo::NanError>(m, "NanError", PyExc_ValueError);
  const auto tables = std::make_shared<const segtopo::LowerStarTables>();
  segtopo::bind_images(m, tables);
  segtopo::bind_repair(m, tables);
  segtopo::bind_thinning(m);
  segtopo::bind_contacts(m);
  segtopo::bind_complexes(m);
  segtopo::bind_assignment(m);
}
