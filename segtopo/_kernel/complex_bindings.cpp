#include "complex_bindings.hpp"

#include "binding_tools.hpp"
#include "filtered_complex.hpp"
#include "rips_persistence.hpp"
#include "simplex_pairs.hpp"

#include <nanobind/stl/vector.h>

#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

using namespace nb::literals;

namespace {

template <class Value, int Axes> using Array = nb::ndarray<const Value, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;

/// For each dimension, the births and the deaths of its pairs.
nb::list to_numpy(const PairsByDimension& pairs_by_dimension) {
  nb::list result;
  for (const auto& pairs : pairs_by_dimension) {
    Column births(pairs.size()), deaths(pairs.size());
    for (Index i = 0; i < std::ssize(pairs); ++i) {
      births[i] = Index{pairs[i].birth};
      deaths[i] = pairs[i].death == SimplexPair::never ? -1 : Index{pairs[i].death};
    }
    result.append(nb::make_tuple(births.to_numpy(), deaths.to_numpy()));
  }
  return result;
}

nb::list filtered_complex(std::size_t vertex_count, const std::vector<Array<std::uint32_t, 2>>& facets) {
  std::vector<FacetTable> tables;
  for (const auto& table : facets) tables.push_back({table.shape(1), {table.data(), table.size()}});
  return to_numpy(run_interruptibly(
      1, [&](const Execution& execution) { return filtered_complex_persistence(vertex_count, tables, execution); }));
}

nb::list rips(std::size_t vertex_count, const Array<std::int64_t, 2>& edges, const Array<double, 1>& lengths,
              std::size_t max_dimension) {
  if (edges.shape(0) != lengths.shape(0) || edges.shape(1) != 2)
    throw nb::value_error("expected the two ends of each edge");
  const WeightedGraph graph{vertex_count, {edges.data(), edges.size()}, {lengths.data(), lengths.size()}};
  return to_numpy(run_interruptibly(
      1, [&](const Execution& execution) { return rips_persistence(graph, max_dimension, execution); }));
}

} // namespace

void bind_complexes(nb::module_& m) {
  m.def("filtered_complex_persistence", &filtered_complex, "vertex_count"_a, "facets"_a,
        "Persistence pairs of a filtered complex, given for each dimension k >= 1 by the facets (n, k + 1) of its "
        "simplices; simplices are numbered within their dimension in the order of the filtration. For each dimension, "
        "the numbers of the simplices that give birth, and of their cofacets that bring death, -1 for none.");
  m.def("rips_persistence", &rips, "vertex_count"_a, "edges"_a, "lengths"_a, nb::kw_only(), "max_dimension"_a,
        "Persistence pairs of the flag complex of a graph of edges (m, 2) with their lengths >= 0. For each dimension, "
        "the numbers of the edges that bring birth (in dimension 0, of the vertices) and death, -1 for none.");
}

} // namespace segtopo
