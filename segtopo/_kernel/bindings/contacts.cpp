#include "contacts/contacts.hpp"
#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

using namespace nb::literals;

namespace {

template <class Value> using Vector = nb::ndarray<const Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Value> std::span<const Value> span_of(const Vector<Value>& vector) {
  return {vector.data(), vector.size()};
}

nb::tuple contacts(const Vector<Label>& labels, const Vector<std::uint8_t>& masks, const Vector<Index>& steps) {
  const Areas areas{span_of(labels), span_of(masks)};
  if (!std::ranges::all_of(areas.labels, [&](Label label) { return label < masks.size(); }))
    throw nb::value_error("expected a mask for each label");
  const std::vector<Contact> found =
      run_interruptibly(1, [&](const Execution& execution) { return find_contacts(areas, span_of(steps), execution); });
  Column voxels(found.size()), neighbours(found.size()), counts(found.size());
  for (Index i = 0; i < std::ssize(found); ++i) {
    voxels[i] = found[i].voxel;
    neighbours[i] = found[i].neighbour;
    counts[i] = found[i].count;
  }
  return nb::make_tuple(voxels.to_numpy(), neighbours.to_numpy(), counts.to_numpy());
}

} // namespace

void bind_contacts(nb::module_& m) {
  m.def(
      "find_contacts", &contacts, "labels"_a.noconvert(), "masks"_a.noconvert(), "steps"_a,
      "Finds where areas of one mask alone touch areas of another mask. The labels of the areas are flat, of an image "
      "with a border of zeros. For each label, masks is 1 for the first mask, 2 for the second, 3 for both. The steps "
      "lead from a voxel to its neighbours. Returns three columns, with a row for each two areas: the first voxel of "
      "the one, its neighbour in the other, and the number of such pairs.");
}

} // namespace segtopo
